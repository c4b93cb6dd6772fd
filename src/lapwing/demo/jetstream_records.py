"""What Bluesky's Jetstream (v1) sends: posts, reposts, likes and follows, deletes, and an account that goes."""

from __future__ import annotations

import numpy as np

from lapwing.demo.evening import QUOTE, REPLY, REPOST
from lapwing.demo.identifiers import instants, strings, tids
from lapwing.demo.wording import Cell, Wording, quoted, spans, whole

RELAY_US = 150_000
"""How long before us the relay has heard an event."""

_POST, _REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"


class Writer:
    """Writes one record at a time."""

    def __init__(self, wording: Wording) -> None:
        evening = wording.evening
        self._from = wording
        self._account = wording.account
        self._cid = wording.cid
        self._interests = evening.interests
        at_us = evening.interests.received_us - RELAY_US
        self._keys = strings(tids(at_us, evening.interests.who))
        self._created = instants(at_us, "ms")
        self._revisions = strings(tids(evening.deletes.at_us, evening.deletes.row))

    def post(self, row: int) -> str:
        """Write a post or repost."""
        cell = self._from.cells[row]
        if cell.kind == REPOST:
            record = f'"$type":"{_REPOST}","createdAt":"{cell.created[:23]}Z","subject":{self._subject(cell.about)}'
            return self._create(cell, _REPOST, record)
        text = whole(cell)
        record = (
            f'"$type":"{_POST}","createdAt":"{cell.created[:23]}Z",{self._embed(cell)}{facets(cell, text)}'
            f'"langs":["{cell.lang}"],{self._reply(cell)}"text":{quoted(text)}'
        )
        return self._create(cell, _POST, record)

    def interest(self, number: int) -> str:
        """Write a like or a follow."""
        interests = self._interests
        who, row, received_us = interests.who[number], interests.row[number], interests.received_us[number]
        key, created = self._keys[number], self._created[number]
        kind = "app.bsky.feed.like" if row >= 0 else "app.bsky.graph.follow"
        subject = self._subject(row) if row >= 0 else f'"{self._account[-row - 1]}"'
        return (
            f'{{"did":"{self._account[who]}","time_us":{received_us - RELAY_US},"kind":"commit","commit":{{"rev":"{key}",'
            f'"operation":"create","collection":"{kind}","rkey":"{key}","record":{{"$type":"{kind}",'
            f'"createdAt":"{created}Z","subject":{subject}}},"cid":"bafyrei{key * 4}"}}}}'
        )

    def delete(self, number: int) -> str:
        """Write that a post or repost is gone."""
        deletes = self._from.evening.deletes
        cell, time_us = self._from.cells[int(deletes.row[number])], int(deletes.received_us[number]) - RELAY_US
        return (
            f'{{"did":"{self._account[cell.author]}","time_us":{time_us},"kind":"commit","commit":{{"rev":"{self._revisions[number]}",'
            f'"operation":"delete","collection":"{_REPOST if cell.kind == REPOST else _POST}","rkey":"{cell.key}"}}}}'
        )

    def leave(self) -> str:
        """Write that an account is deleted."""
        leaver = self._from.evening.leaver
        did, at = self._account[leaver.author], instants(np.array([leaver.at_us]), "ms")[0]
        return (
            f'{{"did":"{did}","time_us":{leaver.received_us - RELAY_US},"kind":"account","account":{{"active":false,'
            f'"did":"{did}","seq":{leaver.received_us // 1000},"status":"deleted","time":"{at}Z"}}}}'
        )

    def _create(self, cell: Cell, collection: str, record: str) -> str:
        return (
            f'{{"did":"{self._account[cell.author]}","time_us":{self._from.received_us[cell.row] - RELAY_US},"kind":"commit",'
            f'"commit":{{"rev":"{cell.key}","operation":"create","collection":"{collection}","rkey":"{cell.key}",'
            f'"record":{{{record}}},"cid":"{self._cid[cell.row]}"}}}}'
        )

    def _subject(self, row: int) -> str:
        cell = self._from.cells[row]
        return f'{{"cid":"{self._cid[row]}","uri":"at://{self._account[cell.author]}/{_POST}/{cell.key}"}}'

    def _reply(self, cell: Cell) -> str:
        if cell.kind != REPLY:
            return ""
        subject = self._subject(cell.about)
        return f'"reply":{{"parent":{subject},"root":{subject}}},'

    def _embed(self, cell: Cell) -> str:
        if cell.kind == QUOTE:
            return f'"embed":{{"$type":"app.bsky.embed.record","record":{self._subject(cell.about)}}},'
        if cell.url:
            card = f'"description":"","title":"example.org","uri":"{cell.url}"'
            return f'"embed":{{"$type":"app.bsky.embed.external","external":{{{card}}}}},'
        return ""


def facets(cell: Cell, text: str) -> str:
    """Mark hashtags and addresses, by their places in the text's UTF-8."""
    made = []
    for start, end, word in spans(text, f"{cell.tags} {cell.url}"):
        first = len(text[:start].encode())
        last = first + len(text[start:end].encode())
        is_tag = word[0] == "#"
        what = f'#tag","tag":{quoted(word[1:])}' if is_tag else f'#link","uri":"{word}"'
        made.append(
            f'{{"features":[{{"$type":"app.bsky.richtext.facet{what}}}],"index":{{"byteEnd":{last},"byteStart":{first}}}}}'
        )
    return f'"facets":[{",".join(made)}],' if made else ""
