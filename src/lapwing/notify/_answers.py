"""What the status of an answer means where a service has no meaning of its own for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lapwing.hearing import Disconnected, RateLimited
from lapwing.internet.waiting import until_us
from lapwing.telling import ChannelRefused, Surroundings, Undeliverable
from lapwing.text.harmless import in_one_line, shortened

if TYPE_CHECKING:
    from lapwing.notify._fetch import Reply

SAID_MAX = 160
TOO_EARLY = 425


def judge(reply: Reply, said: str, surroundings: Surroundings) -> None:
    """Return where it was accepted; otherwise raise what the status means. `said` is the service's own word for it."""
    if 200 <= reply.status < 300:
        return
    said = shortened(in_one_line(said), SAID_MAX)
    what = f"{reply.host} answered {reply.status}" + (f" ({said})" if said else "")
    if reply.status == 429 or (reply.status == 503 and "retry-after" in reply.headers):
        raise RateLimited(what, until_us(reply.headers, surroundings.time.now_us()))
    if reply.status >= 500 or reply.status in (408, TOO_EARLY):
        raise Disconnected(what)
    if reply.status in (401, 403):
        raise ChannelRefused(what, "look at the token and what it may do")
    if 300 <= reply.status < 400:
        raise Undeliverable(f"{what}; nobody is followed elsewhere", "write the address where it is now")
    raise Undeliverable(what)
