"""The tokens of a data directory: made, listed, revoked, and told apart. Only their SHA-256 is ever stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from lapwing.app.kept_files import KeptFile
from lapwing.engine.clock import Clock, SystemClock
from lapwing.errors import DataDirectoryError, UnknownName, UsageError
from lapwing.serving.identity import Identity, Rejection, Scope
from lapwing.settings import Serve

if TYPE_CHECKING:
    from lapwing.serving.security import Policy

FILE = "tokens.json"
PREFIX = "lw_"
RANDOM_BYTES = 32
TOKENS_MAX = 1_000
TOKEN_CHARACTERS_MAX = 200


class Owning(Protocol):
    """Whoever has a secret, of which the digest is kept."""

    @property
    def sha256(self) -> str:
        """As `digest` makes it."""


Owner = TypeVar("Owner", bound=Owning)
Standing = Literal["valid", "expired", "revoked"]


class Token(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token; its 256 random bits make a plain SHA-256 enough, and nothing to guess."""

    name: str
    scope: Scope
    sha256: str
    ends_with: str
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None

    def standing(self, now_us: int) -> Standing:
        """Whether it counts at this time."""
        if self.revoked_us is not None:
            return "revoked"
        return "expired" if self.expires_us is not None and now_us >= self.expires_us else "valid"


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    tokens: tuple[Token, ...]


class Tokens:
    """The tokens in `folder`; the file is read again whenever it changed, so that what is revoked ends at once."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = KeptFile(folder / FILE, _Kept(1, ()))
        self._clock = clock

    def create(self, name: str, scope: Scope, lifetime_us: int | None = None) -> tuple[str, Token]:
        """A new token, which nobody can show again, and what is kept of it.

        The name of a token that is revoked or expired is free again; one that is valid keeps it (`UsageError`).
        """
        secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        now_us = self._clock.now_us()
        made = Token(
            name=name,
            scope=scope,
            sha256=digest(secret),
            ends_with=secret[-4:],
            created_us=now_us,
            expires_us=None if lifetime_us is None else now_us + lifetime_us,
        )
        with self._file.alone():
            tokens = self.listed()
            if any(each.name == name and each.standing(now_us) == "valid" for each in tokens):
                raise UsageError(f"there is a token {name!r}", f"choose another name, or `lapwing token revoke {name}`")
            kept = tuple(each for each in tokens if each.name != name)
            if len(kept) >= TOKENS_MAX:
                raise UsageError(f"there are {TOKENS_MAX} tokens", "use again the names of revoked ones")
            self._file.write(_Kept(1, (*kept, made)))
        return secret, made

    def revoke(self, name: str) -> Token:
        """End a token; it stays in the list. To repeat it changes nothing."""
        with self._file.alone():
            tokens = self.listed()
            found = next((each for each in tokens if each.name == name), None)
            if found is None:
                raise UnknownName("token", name, [each.name for each in tokens])
            if found.revoked_us is not None:
                return found
            ended = msgspec.structs.replace(found, revoked_us=self._clock.now_us())
            self._file.write(_Kept(1, tuple(ended if each is found else each for each in tokens)))
        return ended

    def listed(self) -> tuple[Token, ...]:
        """All tokens in the order in which they were made; raises `Corrupt` where the file cannot be understood."""
        return self._file.read().tokens

    def exist(self) -> bool:
        """Whether any was ever made, one that no longer counts included; a file that cannot be read says yes."""
        try:
            return bool(self.listed())
        except DataDirectoryError:
            return True

    def check(self, secret: str) -> Identity | Rejection:
        """Whose token this is, or why it does not count; takes as long for a wrong one as for a right one."""
        found = owner_of(secret, self.listed)
        if isinstance(found, Rejection):
            return found
        standing = found.standing(self._clock.now_us())
        return Identity(found.name, found.scope) if standing == "valid" else Rejection(standing, found.name)


def check_start(folder: Path, serve: Serve) -> None:
    """Raise `UsageError` where the configuration lets others ask and there is no token in `folder`."""
    from lapwing.serving.security import may_start

    may_start(serve.host, Tokens(folder, SystemClock()).exist())


def policy_of(folder: Path, serve: Serve, clock: Clock, build: str = "") -> Policy:
    """What `guarded` needs to know, of the configuration, of the tokens in `folder`, and of the page that is served."""
    from lapwing.app.devices import PREFIX as DEVICE_PREFIX
    from lapwing.app.devices import Devices
    from lapwing.serving.security import Policy

    tokens, devices = Tokens(folder, clock), Devices(folder, clock)
    return Policy(
        host=serve.host,
        hosts=serve.hosts,
        trusted_proxies=serve.trusted_proxies,
        requests_per_minute=serve.requests_per_minute,
        tokens=lambda secret: (devices if secret.startswith(DEVICE_PREFIX) else tokens).check(secret),
        has_tokens=tokens.exist,
        clock=clock.monotonic_s,
        build=build,
    )


def owner_of(secret: str, listed: Callable[[], Sequence[Owner]]) -> Owner | Rejection:
    """Who of those listed has this secret, or why nobody has; takes as long for a wrong one as for a right one."""
    if len(secret) > TOKEN_CHARACTERS_MAX:
        return Rejection("unknown")
    try:
        kept = listed()
    except DataDirectoryError:
        return Rejection("unreadable")
    asked = digest(secret)
    found = [each for each in kept if hmac.compare_digest(each.sha256, asked)]
    return found[0] if found else Rejection("unknown")


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
