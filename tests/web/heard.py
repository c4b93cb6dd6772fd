"""Posts as a Mastodon server writes them, put into a data directory as `lapwing ingest` does."""

from __future__ import annotations

import html
import json
from pathlib import Path

from lapwing import config
from lapwing.app.ingesting import Wish, ingest
from lapwing.app.opening import Directory


def status(number: int, text: str, at: str, **more: str) -> dict[str, object]:
    """One post; `author` and `url` may be given."""
    author = more.get("author", f"ada{number}")
    return {
        "id": str(number), "created_at": at, "uri": f"https://social.example/users/ada/statuses/{number}",
        "url": more.get("url", f"https://social.example/@ada/{number}"), "content": f"<p>{html.escape(text)}</p>",
        "visibility": "public", "language": "en",
        "account": {
            "acct": author, "display_name": author, "url": "https://social.example/@ada",
            "uri": f"https://social.example/users/ada{number}", "fields": [{"name": "Location", "value": "Perth"}],
        },
    }  # fmt: skip


AS_OLD_AS_IT_IS = """
[store]
posts_retention = "36500d"
"""
"""The evening is committed at its own time: by the machine's clock its texts are older than what is usually kept."""


def take_in(data: Path, name: str, statuses: list[dict[str, object]]) -> int:
    """How many posts were stored."""
    file = data.parent / name
    file.write_text("".join(json.dumps(each) + "\n" for each in statuses), "utf-8")
    directory = Directory(data, config.parse(AS_OLD_AS_IT_IS, environment={}))
    try:
        return ingest(directory, Wish(files=(str(file),), workers=0))["stored"]
    finally:
        directory.close()
