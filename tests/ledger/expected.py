"""The independent model: what any stream of contents, deletes and authors' changes must count, by the plainest means."""

from __future__ import annotations

from collections import defaultdict

from streams import Author, Content, Delete, Event


def accounting(events: list[Event]) -> dict[str, int]:
    uids, contents, changes, filtered = set(), set(), set(), 0
    for event in events:
        says = event.says
        if says is None:
            filtered += 1
        elif isinstance(says, Content):
            uids.add(says.uid)
            contents.add((says.uid, says.version))
        else:
            changes.add(says)
    changed = len(contents) - len(uids) + len(changes)
    return {
        "received": len(events),
        "stored": len(uids),
        "changes": changed,
        "filtered": filtered,
        "refused": 0,
        "duplicates": len(events) - len(uids) - changed - filtered,
    }


def standing(events: list[Event]) -> list[Content]:
    """The contents that count: of each post the latest, unless it was deleted or its author is gone."""
    latest: dict[str, Content] = {}
    names: dict[str, set[str]] = defaultdict(set)
    deletes: dict[str, int] = {}
    authors: dict[tuple[str, str], int] = {}
    for event in events:
        says = event.says
        if isinstance(says, Content):
            names[says.uid] |= {says.uid, says.alias or says.uid}
            if says.uid not in latest or says.version > latest[says.uid].version:
                latest[says.uid] = says
        elif isinstance(says, Delete):
            deletes[says.name] = max(says.version, deletes.get(says.name, says.version))
        elif isinstance(says, Author):
            key = (says.author, says.operation)
            authors[key] = max(says.version, authors.get(key, says.version))
    return [
        content
        for uid, content in latest.items()
        if not any(deletes.get(name, -1) >= content.version for name in names[uid])
        and content.created_us > authors.get((content.author, "author_delete"), -1)
        and authors.get((content.author, "author_hide"), -1) <= authors.get((content.author, "author_show"), -1)
    ]


def counts(contents: list[Content], window_us: int) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(window start, place) → posts, reposts, people."""
    posts: dict[tuple[int, int], int] = defaultdict(int)
    reposts: dict[tuple[int, int], int] = defaultdict(int)
    people: dict[tuple[int, int], set[str]] = defaultdict(set)
    for content in contents:
        key = (content.created_us // window_us * window_us, content.place)
        (reposts if content.repost else posts)[key] += 1
        people[key].add(content.author)
    return {key: (posts[key], reposts[key], len(people[key])) for key in people}
