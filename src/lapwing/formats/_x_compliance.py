"""What X's API v2 sends beside posts: compliance events, errors in the stream, rows without a document.

Whoever stores posts has to follow the compliance events (X's developer policy). Those that change what may be shown
become changes; the rest is counted. The results of a batch job are lines `{"id", "action", "redacted_at", "reason"}`, in
which nothing says whether the id is a post's or a user's: they are read as those of posts. Whoever asks about users
hands their lines over as events, `{"data": {"user_delete": {"user": {"id": …}, "event_at": …}}}`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lapwing.formats._reading import UNREADABLE, explain
from lapwing.formats._rows import Outcome
from lapwing.formats._times import instant_us, snowflake_us
from lapwing.model import FINAL

_AUTHOR_CHANGES = {
    "user_delete": "author_delete",
    "user_suspend": "author_hide",
    "user_protect": "author_hide",
    "user_undelete": "author_show",
    "user_unsuspend": "author_show",
    "user_unprotect": "author_show",
}
_LEFT = {
    "drop", "undrop", "withheld", "unwithheld", "tweet_edit", "post_edit", "user_withheld", "scrub_geo",
    "user_profile_modification",
}  # fmt: skip

COMPLIANCE_EVENTS = {*_AUTHOR_CHANGES, *_LEFT, "delete"}
"""The names of all that is known."""


def sort_other(record: int, value: bytes, outcome: Outcome) -> None:
    """Put a record that is not a post where it belongs: a change, filtered, or refused with a reason."""
    try:
        whole = msgspec.json.decode(value)
    except UNREADABLE as error:
        outcome.refuse(record, explain(value, error))
        return
    if not isinstance(whole, dict):
        outcome.refuse(record, "not a JSON object")
        return
    data = whole.get("data")
    event = _event(data) if isinstance(data, dict) else None
    if event is not None:
        _sort_event(record, event, outcome)
    elif "data" not in whole and (title := _error_title(whole.get("errors")) or _problem_title(whole)) is not None:
        outcome.leave(f"stream error: {title}")
    elif "action" in whole and "redacted_at" in whole:
        _sort_result(record, whole, outcome)
    else:
        outcome.refuse(record, _why_not(whole))


def _event(data: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    for name in sorted(COMPLIANCE_EVENTS & data.keys()):
        body = data[name]
        if isinstance(body, dict):
            return name, body
    return None


def _sort_event(record: int, event: tuple[str, dict[str, Any]], outcome: Outcome) -> None:
    name, body = event
    if name in _LEFT:
        outcome.leave(name)
        return
    at_us = instant_us(body.get("event_at")) if isinstance(body.get("event_at"), str) else 0
    if at_us is None or abs(at_us) >= 1 << 62:
        outcome.refuse(record, f"{name}: event_at {body['event_at']!r:.60} is not a date")
        return
    if name in _AUTHOR_CHANGES:
        author = _id(body.get("user"), "id")
        if author is None:
            outcome.refuse(record, f"{name}: no user id")
        else:
            outcome.change_author(record, _AUTHOR_CHANGES[name], f"x:{author}", at_us)
        return
    post = body.get("tweet") or body.get("post")
    own = _id(post, "id")
    if own is None:
        outcome.refuse(record, "delete: no id")
        return
    author = _id(post, "author_id")
    outcome.delete(record, (f"x:{own}", snowflake_us(own)), author and f"x:{author}", (FINAL, at_us))


def _sort_result(record: int, line: dict[str, Any], outcome: Outcome) -> None:
    """Sort a line of a batch job; `scrub_geo` says "delete" too, but means only where a post was sent from."""
    own, reason, said = _id(line, "id"), line.get("reason"), line["redacted_at"]
    at_us = instant_us(said) if isinstance(said, str) else None
    if own is None or line["action"] != "delete":
        outcome.refuse(
            record, "compliance: no id" if own is None else f"compliance: action {line['action']!r:.60} is unknown"
        )
    elif at_us is None or abs(at_us) >= 1 << 62:
        outcome.refuse(record, f"compliance: redacted_at {said!r:.60} is not a date")
    elif reason == "scrub_geo":
        outcome.leave(reason)
    elif reason == "deactivated":  # only users are
        outcome.change_author(record, "author_hide", f"x:{own}", at_us)
    else:
        outcome.delete(record, (f"x:{own}", snowflake_us(own)), None, (FINAL, at_us))


def _id(found: Any, name: str) -> str | None:
    number = found.get(name) if isinstance(found, dict) else None
    return str(number) if isinstance(number, str | int) and not isinstance(number, bool) and str(number) else None


def _error_title(errors: Any) -> str | None:
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return None
    return str(errors[0].get("title") or errors[0].get("detail") or "no title")


def _problem_title(whole: dict[str, Any]) -> str | None:
    """The title of a problem that is not in a list of errors, as X answers where there is no stream yet."""
    kind = whole.get("type")
    if "title" in whole and ("disconnect_type" in whole or (isinstance(kind, str) and "/problems/" in kind)):
        return str(whole["title"])
    return None


def _why_not(whole: dict[str, Any]) -> str:
    if "key" in whole and "doc" not in whole:
        return "a row without doc"
    data = whole.get("data")
    if isinstance(data, dict) or "author_id" in whole:
        return "no id" if (data if isinstance(data, dict) else whole).get("id") is None else "no text"
    return "not an X v2 post: no data"
