"""Pages of ours that are open: the receiver, where push cannot be or is not wanted.

Nothing is sent. A page comes for its alerts, and what it fetched has arrived. The channel `page` is there without any
configuration; the address of a recipient is a word of the device's own.
"""

from __future__ import annotations

import re

import msgspec

from lapwing.telling import Alert, Notifier, Recipient, Surroundings, Undeliverable

ADDRESS = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is nothing to choose."""


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Never asked for; raises `Undeliverable`."""
    del options, alert, recipient, surroundings
    raise Undeliverable("nothing is sent to a page", "it fetches its alerts by itself")


def admitted(options: Options, address: str) -> str:
    """The word of a device."""
    del options
    if not ADDRESS.fullmatch(address):
        raise Undeliverable("this is no address of a page: 8 to 64 letters, digits, `-` and `_`")
    return address


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda _: [],
    admitted=admitted,
    shared=False,
    fetched=True,
    example="""
[[channel]]
type = "page"
""",
)
