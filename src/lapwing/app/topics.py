"""What a topic may be called, and which of them users write to."""

from __future__ import annotations

import re

from lapwing.engine.inputs import POSTS_BEGIN
from lapwing.errors import UsageError

OURS_BEGIN = "_lapwing."
TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}")
"""`.` and `..` are none: in the path of a request they would mean another place."""


def check_topic(topic: str, what: str = "topic") -> str:
    """The topic, if users may write to it; raises `UsageError` for a name that is none, is ours, or is a network's."""
    if not TOPIC.fullmatch(topic):
        raise UsageError(
            f"{what} {topic!r} is no name", "write 1 to 249 of: A-Z a-z 0-9 . _ -, and not only one or two dots"
        )
    if topic.startswith(OURS_BEGIN):
        raise UsageError(
            f"{what} {topic!r} is one of Lapwing's own", "choose a name that does not begin with _lapwing."
        )
    if topic.startswith(POSTS_BEGIN):
        raise UsageError(f"{what} {topic!r} holds what a network sent", "choose a name that does not begin with raw.")
    return topic
