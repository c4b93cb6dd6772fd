"""The devices that receive alerts, and the codes by which they are added. Of secrets only hashes are kept.

A code is short, as people type it: it counts once, for ten minutes, and ends after so many wrong guesses of anybody. A device
has a token of its own with the scope `receive`, which ends when the device is removed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from lapwing.app.kept_files import KeptFile
from lapwing.app.tokens import RANDOM_BYTES, digest, owner_of
from lapwing.engine.clock import Clock
from lapwing.errors import UnknownName, UsageError
from lapwing.serving.identity import Identity, Rejection
from lapwing.text.harmless import in_one_line, shortened

FILE = "devices.json"
PREFIX = "lwd_"
IDENTITY = "device-"
"""So the names of devices begin where tokens have a name."""
ID_BYTES = 4
DEVICES_MAX = 500
NAME_CHARACTERS_MAX = 60
READERS_MAX = 20
"""So many addresses of a device are remembered, so that its history has what was told to them."""
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without letters and digits that look alike."""
CODE_CHARACTERS = 8
CODE_US = 600_000_000
CODES_MAX = 20
"""So many codes may be open at a time; one more ends the oldest."""
WRONG_MAX = 10
"""So many wrong guesses end a code, whichever code was meant."""
SALT = b"lapwing: the code of a device"

WRONG_CODE = "the code does not count: it is wrong, was used, is older than 10 minutes, or was guessed at too often"
NEXT_CODE = "have a new one made on the page Rules"


class Code(Struct, frozen=True, kw_only=True):
    """A code that is open."""

    hash: str
    expires_us: int
    wrong: int = 0
    by: str = ""


class Device(Struct, frozen=True, kw_only=True):
    """A phone or a browser that was added."""

    id: str
    name: str
    sha256: str
    created_us: int
    by: str = ""
    readers: tuple[tuple[str, str], ...] = ()
    """Channel and address, that of today first. They are personal, and are never answered."""
    rule: str = ""
    """The name of the kept rule that tells it."""


class _Kept(Struct, frozen=True):
    version: Literal[1] = 1
    codes: tuple[Code, ...] = ()
    devices: tuple[Device, ...] = ()


class Devices:
    """The devices and codes of the data directory in `folder`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = KeptFile(folder / FILE, _Kept())
        self._clock = clock

    def make_code(self, by: str) -> tuple[str, int]:
        """A new code as it is read aloud, as in ``ABCD-2345``, and when it ends."""
        plain = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS))
        with self._file.alone():
            kept, now_us = self._file.read(), self._clock.now_us()
            made = Code(hash=_hash(plain), expires_us=now_us + CODE_US, by=by)
            codes = [each for each in kept.codes if _is_open(each, now_us)][-(CODES_MAX - 1) :]
            self._file.write(replace(kept, codes=(*codes, made)))
        return f"{plain[:4]}-{plain[4:]}", made.expires_us

    def add(self, name: str, code: str | None, by: str, reader: tuple[str, str]) -> tuple[str, Device]:
        """A new device with its token, which nobody can show again; `code` is None where none is needed.

        A code ends with it. Raises `UsageError` for a code that does not count, and writes the guess down.
        """
        if code is not None and len(_plain(code)) != CODE_CHARACTERS:
            raise UsageError(WRONG_CODE, NEXT_CODE)  # what no code can be is no guess
        secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        with self._file.alone():
            kept, now_us = self._file.read(), self._clock.now_us()
            codes = tuple(each for each in kept.codes if _is_open(each, now_us))
            if code is not None:
                asked = _hash(_plain(code))
                found = next((each for each in codes if hmac.compare_digest(each.hash, asked)), None)
                if found is None:
                    self._file.write(replace(kept, codes=tuple(replace(each, wrong=each.wrong + 1) for each in codes)))
                    raise UsageError(WRONG_CODE, NEXT_CODE)
                codes, by = tuple(each for each in codes if each is not found), found.by
            if len(kept.devices) >= DEVICES_MAX:
                raise UsageError(f"there are {DEVICES_MAX} devices", "remove one on the page Rules first")
            made = Device(
                id=_free_id(kept.devices), name=_name(name), sha256=digest(secret), created_us=now_us, by=by, readers=(reader,)
            )  # fmt: skip
            self._file.write(replace(kept, codes=codes, devices=(*kept.devices, made)))
        return secret, made

    def change(self, device: Device) -> Device:
        """Keep a device as it is now; raises `UnknownName` where it was removed meanwhile."""
        with self._file.alone():
            kept = self._file.read()
            self._known(kept, device.id)
            device = replace(device, readers=device.readers[:READERS_MAX])
            changed = tuple(device if each.id == device.id else each for each in kept.devices)
            self._file.write(replace(kept, devices=changed))
        return device

    def remove(self, id: str) -> Device:
        """End a device and its token; raises `UnknownName`."""
        with self._file.alone():
            kept = self._file.read()
            found = self._known(kept, id)
            self._file.write(replace(kept, devices=tuple(each for each in kept.devices if each.id != id)))
        return found

    def named(self, id: str) -> Device:
        """The device of this id; raises `UnknownName`."""
        return self._known(self._file.read(), id)

    def listed(self) -> tuple[Device, ...]:
        """All devices, in the order in which they were added."""
        return self._file.read().devices

    def check(self, secret: str) -> Identity | Rejection:
        """Which device has this token, or why it does not count."""
        found = owner_of(secret, self.listed)
        return found if isinstance(found, Rejection) else Identity(IDENTITY + found.id, "receive")

    def _known(self, kept: _Kept, id: str) -> Device:
        for each in kept.devices:
            if each.id == id:
                return each
        raise UnknownName("device", id[:100], [each.id for each in kept.devices])


def _is_open(code: Code, now_us: int) -> bool:
    """Whether it counts; a clock that was set back ends it too."""
    return now_us < code.expires_us <= now_us + CODE_US and code.wrong < WRONG_MAX


def _plain(typed: str) -> str:
    """A code as it was made, from how people type it."""
    return "".join(each for each in typed.upper() if each in ALPHABET)[: CODE_CHARACTERS + 1]


def _hash(plain: str) -> str:
    """Slow enough that whoever reads the file cannot try all codes before one ends."""
    return hashlib.scrypt(plain.encode(), salt=SALT, n=1 << 14, r=8, p=1, dklen=32).hex()


def _name(text: str) -> str:
    return shortened(in_one_line(text), NAME_CHARACTERS_MAX) or "device"


def _free_id(devices: tuple[Device, ...]) -> str:
    """By chance, and no other's."""
    taken = {each.id for each in devices}
    while (made := secrets.token_hex(ID_BYTES)) in taken:
        pass
    return made
