"""How a Mastodon server writes what it says: statuses, accounts, itself, and the events of its streams."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from lapwing.testing.networks.posts import Event, Post

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAG = re.compile(r"#(\w+)")
YEAR_2099_US = 4_070_908_800_000_000


class OddCase(NamedTuple):
    """A post that is hard to read, or that is none."""

    text: str
    odd: str = ""
    notes: dict[str, object] = {}  # noqa: RUF012
    at_us: int | None = None


ODD: tuple[OddCase, ...] = (
    OddCase("", notes={"media": True}),
    OddCase('The bridge & the <road> are "gone" 👩‍👩‍👧 it\'s true'),
    OddCase("dated long after now", odd="created_at is in 2099", at_us=YEAR_2099_US),
    OddCase("one line\u2028and another that is the same\u2029line", notes={"spoiler": "weather"}),
    OddCase("without an account", odd="account is null", notes={"no_account": True}),
    OddCase("other software, other mark-up", notes={"markup": "<div><font>{}</font></div><hr>"}),
    OddCase("longer " * 2000, notes={"language": None}),
    OddCase("no content", odd="content is null", notes={"no_content": True}),
)
"""Each in its turn; those with `odd` are no sound posts."""


def time_of(at_us: int, digits: int = 3) -> str:
    """Write a time as ``2026-11-22T03:04:05.678Z``."""
    text = (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[: len(text) - 6 + digits] + "Z"


def username(author: int) -> str:
    """Give the name of somebody: ``kelda_7``."""
    return f"kelda_{author}"


def status(post: Post, here: str, text: str | None = None) -> dict[str, Any]:
    """Write a Status as the server `here` shows it."""
    home = str(post.notes.get("domain", here))
    text = post.text if text is None else text
    attached = {"id": post.id, "type": "image", "url": f"https://files.{here}/{post.id}.jpg", "description": None}
    return {
        "id": post.id,
        "created_at": time_of(post.at_us),
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "sensitive": bool(post.notes.get("spoiler")),
        "spoiler_text": post.notes.get("spoiler", ""),
        "visibility": "public",
        "language": post.notes.get("language", post.lang),
        "uri": post.uid,
        "url": f"https://{home}/@{username(post.author)}/{post.uid.rpartition('/')[2]}",
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "quotes_count": 0,
        "edited_at": None if post.edited_us is None else time_of(post.edited_us),
        "content": None if post.notes.get("no_content") else _content(post, text, here),
        "reblog": None,
        "account": None if post.notes.get("no_account") else _account(post.author, home, here),
        "media_attachments": [attached] if post.notes.get("media") else [],
        "mentions": [],
        "tags": [{"name": tag.lower(), "url": f"https://{here}/tags/{tag.lower()}"} for tag in _TAG.findall(text)],
        "emojis": [],
        "card": None,
        "poll": None,
        "quote": None,
        "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "denied"},
    }


def _content(post: Post, text: str, here: str) -> str:
    if not text:
        return ""
    markup = str(post.notes.get("markup", "<p>{}</p>"))
    link = rf'<a href="https://{here}/tags/\1" class="mention hashtag" rel="tag">#<span>\1</span></a>'
    # `&#39;` is no hashtag: tags are linked before the entities are written.
    parts = [_TAG.sub(link, part) if part.startswith("#") else html.escape(part) for part in re.split(r"(#\w+)", text)]
    return markup.format("".join(parts))


def _account(author: int, home: str, here: str) -> dict[str, Any]:
    name = username(author)
    return {
        "id": str(109_500_000_000_000_000 + author),
        "username": name,
        "acct": name if home == here else f"{name}@{home}",
        "display_name": f"Kelda {author} :rainbow:",
        "locked": False,
        "bot": False,
        "discoverable": True,
        "indexable": True,
        "group": False,
        "created_at": "2022-11-07T00:00:00.000Z",
        "note": "<p>Invented account for tests.</p>",
        "url": f"https://{home}/@{name}",
        "uri": f"https://{home}/users/{name}",
        "followers_count": 10 * author,
        "following_count": 88,
        "statuses_count": 942,
        "last_status_at": "2026-11-22",
        "emojis": [],
        "roles": [],
        "fields": [],
        "noindex": False,
    }


def instance(domain: str, streams: str, access: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Write what the server says of itself at ``/api/v2/instance``."""
    return {
        "domain": domain,
        "title": domain.title(),
        "version": "4.5.3",
        "source_url": "https://github.com/mastodon/mastodon",
        "description": "Invented server",
        "languages": ["en"],
        "configuration": {
            "urls": {"streaming": streams, "status": None, "about": f"https://{domain}/about"},
            "statuses": {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23},
            "timelines_access": access,
            "limited_federation": False,
        },
        "registrations": {"enabled": False, "approval_required": False, "message": None},
        "api_versions": {"mastodon": 7},
        "rules": [],
    }


def server_sent(event: Event, here: str) -> bytes:
    """Write an event of a stream, the JSON on one line."""
    names = {"create": "update", "edit": "status.update", "stray_delete": "delete"}
    name = names.get(event.kind, event.kind).encode()
    if event.kind == "filters_changed":
        data = b"undefined"
    elif event.kind == "stray_delete":
        data = b"100000000000000001"
    elif event.post is None:
        data = b'{"x":1}'
    elif event.kind == "delete":
        data = event.post.id.encode()
    else:
        edited_us = event.about.get("edited_us")
        edited_at = time_of(edited_us) if isinstance(edited_us, int) else None
        data = msgspec.json.encode(status(event.post, here, event.text) | {"edited_at": edited_at})
    return b"event: " + name + b"\ndata: " + data + b"\n\n"
