"""How Discord writes what it says: messages, the guild, and what the gateway says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lapwing.testing.networks.posts import Event, Post

GUILD = "700000000000000001"
BOT = "900000000000000001"
EPOCH_MS = 1_420_070_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ATTACHED = {
    "filename": "smoke.jpg",
    "content_type": "image/jpeg",
    "size": 204_800,
    "url": "https://cdn.invalid/smoke.jpg",
}

ODD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("", "", {"attachments": [_ATTACHED | {"id": "1300000000000000009"}]}),
    ("<@900000000000000003> yes <:fire_truck:123456789012345678> <t:1795000000:R>", "", {"type": 19}),
    ("automated", "the author is a bot", {"bot": True}),
    ("", "a member joined", {"type": 7}),
    ("from elsewhere", "a webhook wrote it", {"webhook_id": "1300000000000000010"}),
)
"""Text, why it is no report, and what is different in the message."""


def id_at(at_us: int, number: int) -> str:
    """Give the snowflake of a time."""
    return str(max(at_us // 1000 - EPOCH_MS, 0) << 22 | number & 0x3FFFFF)


def time_of(at_us: int) -> str:
    """Write a time as ``2026-11-22T03:04:05.123000+00:00``."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def bot_user() -> dict[str, Any]:
    """Write who the bot is."""
    return {
        "id": BOT,
        "username": "fakebot",
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": True,
        "verified": True,
        "mfa_enabled": False,
        "flags": 0,
    }


def message(post: Post, text: str, edited_us: int | None, *, content: bool = True) -> dict[str, Any]:
    """Write a message; without `content`, as a bot gets it that lacks the intent."""
    author: dict[str, Any] = {
        "id": str(900_000_000_000_000_100 + post.author),
        "username": f"reporter_{post.author}",
        "discriminator": "0",
        "global_name": f"Reporter {post.author}",
        "avatar": None,
        "public_flags": 0,
    }
    author = bot_user() if post.kind == "answer" else author
    own: dict[str, Any] = {
        name: value for name, value in post.notes.items() if name in ("attachments", "type", "webhook_id")
    }
    if post.notes.get("bot"):
        author["bot"] = True
    whole = {
        "id": post.id,
        "channel_id": post.notes["channel_id"],
        "author": author,
        "content": text,
        "timestamp": time_of(post.at_us),
        "edited_timestamp": None if edited_us is None else time_of(edited_us),
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
    } | own
    if not content and post.kind != "answer":
        whole |= {"content": "", "attachments": [], "embeds": [], "components": []}
    return whole


def dispatch(event: Event, *, content: bool) -> dict[str, Any] | None:
    """Write an event as the gateway dispatches it, without its number; None where it dispatches nothing."""
    place = {"guild_id": GUILD}
    if event.kind == "bulk":
        return {"t": "MESSAGE_DELETE_BULK", "d": event.about | place}
    post = event.post
    if post is None:
        return None
    member: dict[str, Any] = {
        "roles": [],
        "joined_at": "2026-01-02T00:00:00+00:00",
        "nick": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }
    place |= {"channel_id": str(post.notes["channel_id"])}
    if event.kind == "delete":
        return {"t": "MESSAGE_DELETE", "d": {"id": post.id} | place}
    edited_us = event.about.get("edited_us")
    body = message(post, event.text, edited_us if isinstance(edited_us, int) else None, content=content)
    body |= place | {"member": member}
    if event.kind == "preview":
        body |= {"embeds": [{"type": "link", "url": "https://example.org", "title": "preview only, not an edit"}]}
    return {"t": "MESSAGE_CREATE" if event.kind == "create" else "MESSAGE_UPDATE", "d": body}


def ready(session: str, url: str) -> dict[str, Any]:
    """Write what a new session begins with."""
    return {
        "t": "READY",
        "d": {
            "v": 10,
            "user_settings": {},
            "user": bot_user(),
            "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": session,
            "session_type": "normal",
            "resume_gateway_url": url,
            "application": {"id": BOT, "flags": 524_288},
        },
    }


def guild(channels: dict[str, str]) -> dict[str, Any]:
    """Write the whole guild, with its channels: id by name."""
    everyone = {"id": GUILD, "name": "@everyone", "permissions": "68608", "position": 0, "color": 0}
    everyone |= {"hoist": False, "managed": False, "mentionable": False, "flags": 0}
    rooms = [
        {"id": id, "type": 0, "name": name, "position": place, "permission_overwrites": [], "nsfw": False}
        for place, (name, id) in enumerate(channels.items())
    ]
    empty: dict[str, list[Any]] = {
        name: []
        for name in "emojis features members presences stage_instances stickers threads voice_states guild_scheduled_events".split()
    }
    whole = {"id": GUILD, "name": "Invented guild", "owner_id": "900000000000000100", "icon": None, "member_count": 2}
    whole |= {"large": False, "unavailable": False, "verification_level": 0, "default_message_notifications": 0}
    whole |= {
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
    }
    return {"t": "GUILD_CREATE", "d": whole | empty | {"roles": [everyone], "channels": rooms}}
