"""The function of s1_reports.toml: what is answered to a report."""

from __future__ import annotations

import re
from typing import Any

WORDS = {
    "flood": r"\bflood|\bbanjir\b|น้ำท่วม|洪水",
    "fire": r"\b(wild|bush)?fires?\b|\bkebakaran\b|ไฟไหม้|火事",
    "earthquake": r"\b(earth)?quake|\bgempa\b|แผ่นดินไหว|地震",
    "storm": r"\bstorm|\bhail\b|\bbadai\b|พายุ|台風",
}


def answer(post: Any) -> dict[str, Any] | None:
    """A thank you for a report that says what happened where, a question where the place is missing; else nothing."""
    text = post.text.lower()
    kinds = [kind for kind, words in WORDS.items() if re.search(words, text)]
    if not kinds:
        return None
    what = " and ".join(kinds)
    if post.place is None:
        said = f"Thank you for your report ({what}). Where is it? Please write the name of the town."
    else:
        said = f"Thank you. We noted: {what}, {post.place.name} ({post.place.country})."
    return {
        "uid": post.uid,
        "network": post.network,
        "source": post.source,
        "author": post.author,
        "url": post.url,
        "text": said,
    }
