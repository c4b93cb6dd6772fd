"""Posts, reposts and edits as X's filtered stream (API v2) sends them, with authors and places."""

from __future__ import annotations

from lapwing.demo.evening import COORDINATES, PLACE, QUOTE, REPLY, REPOST
from lapwing.demo.identifiers import SCATTER
from lapwing.demo.scene import places
from lapwing.demo.wording import Cell, Wording, box, escaped, point, quoted, spans, whole

TEXT_CHARACTERS_MAX, REPOSTED_CHARACTERS_MAX = 280, 140
LANGUAGE_TAGS = {"id": "in"}
"""X still writes Indonesian by its tag of 1988."""

RULE = '"matching_rules":[{"id":"1993000000000000001","tag":"city evening"}]'
QUIET = (
    '"public_metrics":{"retweet_count":0,"reply_count":0,"like_count":0,"quote_count":0,'
    '"bookmark_count":0,"impression_count":0}'
)


def place_id(place: int) -> str:
    """Give the platform's id of a place."""
    return f"{places()[place].id * SCATTER & 0xFFFFFFFFFFFFFFFF:016x}"


def place_object(place: int) -> str:
    """Write a place as an included object."""
    city = places()[place]
    west, south, east, north = box(place)
    return (
        f'{{"country":{quoted(city.country_name)},"country_code":"{city.country}",'
        f'"full_name":{quoted(f"{city.name}, {city.country_name}")},'
        f'"geo":{{"type":"Feature","bbox":[{west:.5f},{south:.5f},{east:.5f},{north:.5f}],"properties":{{}}}},'
        f'"id":"{place_id(place)}","name":{quoted(city.name)},"place_type":"city"}}'
    )


def user_object(account: str, handle: str, name: str, profile: str) -> str:
    """Write an author as an included object."""
    size = int(account) // 10_000_019
    located = f'"location":{quoted(profile)},' if profile else ""
    return (
        f'{{"created_at":"20{10 + size % 15}-0{1 + size % 9}-1{size % 10}T0{size % 7}:12:51.000Z","id":"{account}",{located}'
        f'"name":{quoted(name)},"protected":false,"public_metrics":{{"followers_count":{size % 4801},'
        f'"following_count":{size % 977},"tweet_count":{size % 20011},"listed_count":{size % 13},'
        f'"like_count":{size % 30011},"media_count":{size % 701}}},"username":"{handle}","verified":false}}'
    )


class Writer:
    """Writes one record at a time."""

    def __init__(self, wording: Wording) -> None:
        self._from = wording
        self._places = [place_object(place) for place in range(len(places()))]

    def post(self, row: int) -> str:
        """Write a post or repost."""
        return self._record(self._from.cells[row], (self._from.cells[row].key,))

    def edit(self, number: int) -> str:
        """Write an edit: a post of its own, with the ids of both."""
        old = self._from.edit(number)
        new = self._from.evening.edits.key[number]
        return self._record(old._replace(key=new, created=self._from.edited_at[number]), (old.key, new))

    def _record(self, cell: Cell, history: tuple[str, ...]) -> str:
        people, tweets, tagged = [cell.author], "", []
        if cell.by in (COORDINATES, PLACE):
            tagged.append(cell.place)
        if cell.about >= 0:
            other = self._from.cells[cell.about]
            if other.author != cell.author:
                people.append(other.author)
            if other.by in (COORDINATES, PLACE) and other.place not in tagged:
                tagged.append(other.place)
            tweets = f',"tweets":[{self._data(other, (other.key,))}]'
        included = f',"places":[{",".join([self._places[place] for place in tagged])}]' if tagged else ""
        users = ",".join(map(self._user, people))
        return f'{{"data":{self._data(cell, history)},"includes":{{"users":[{users}]{included}{tweets}}},{RULE}}}'

    def _user(self, author: int) -> str:
        names = self._from
        return user_object(names.account[author], names.handle[author], names.name[author], names.profile[author])

    def _data(self, cell: Cell, history: tuple[str, ...]) -> str:
        text, note = self._text(cell), ""
        if cell.kind != REPOST and len(text) > TEXT_CHARACTERS_MAX:
            note = f'"note_tweet":{{"text":{quoted(text)}}},'
            text = text[: TEXT_CHARACTERS_MAX - 1] + "…"
        chain = '","'.join(history)
        conversation, refers = history[0], ""
        if cell.about >= 0:
            conversation, refers = self._references(cell)
        return (
            f'{{"author_id":"{self._from.account[cell.author]}","conversation_id":"{conversation}",'
            f'"created_at":"{cell.created[:19]}.000Z","edit_history_tweet_ids":["{chain}"],{entities(cell, text)}'
            f'{geo(cell)}"id":"{cell.key}",{refers}"lang":"{LANGUAGE_TAGS.get(cell.lang, cell.lang)}",{note}'
            f'"possibly_sensitive":false,{QUIET},"reply_settings":"everyone","text":{quoted(text)}}}'
        )

    def _references(self, cell: Cell) -> tuple[str, str]:
        other = self._from.cells[cell.about]
        how = {REPLY: "replied_to", QUOTE: "quoted", REPOST: "retweeted"}[cell.kind]
        answers = f'"in_reply_to_user_id":"{self._from.account[other.author]}",' if cell.kind == REPLY else ""
        refers = f'{answers}"referenced_tweets":[{{"type":"{how}","id":"{other.key}"}}],'
        return other.key if cell.kind == REPLY else cell.key, refers

    def _text(self, cell: Cell) -> str:
        if cell.kind == REPOST:
            other = self._from.cells[cell.about]
            text = f"RT @{self._from.handle[other.author]}: {escaped(whole(other))}"
            return text if len(text) <= REPOSTED_CHARACTERS_MAX else text[: REPOSTED_CHARACTERS_MAX - 1] + "…"
        answers = f"@{self._from.handle[self._from.cells[cell.about].author]} " if cell.kind == REPLY else ""
        return answers + escaped(whole(cell))


def geo(cell: Cell) -> str:
    """Write where a post is, if it says so."""
    if cell.by == COORDINATES:
        longitude, latitude = point(cell.row, cell.place)
        where = f',"coordinates":{{"type":"Point","coordinates":[{longitude},{latitude}]}}'
        return f'"geo":{{"place_id":"{place_id(cell.place)}"{where}}},'
    return f'"geo":{{"place_id":"{place_id(cell.place)}"}},' if cell.by == PLACE else ""


def entities(cell: Cell, text: str) -> str:
    """Mark mentions, hashtags and addresses."""
    if not (cell.tags or cell.url or cell.kind == REPLY):
        return ""
    parts = []
    if cell.kind == REPLY:
        end = text.index(" ")
        parts.append(f'"mentions":[{{"start":0,"end":{end},"username":"{text[1:end]}"}}]')
    if tags := [f'{{"start":{a},"end":{b},"tag":{quoted(word[1:])}}}' for a, b, word in spans(text, cell.tags)]:
        parts.append(f'"hashtags":[{",".join(tags)}]')
    if links := [f'{{"start":{a},"end":{b},{_link(word)}}}' for a, b, word in spans(text, cell.url)]:
        parts.append(f'"urls":[{",".join(links)}]')
    return f'"entities":{{{",".join(parts)}}},' if parts else ""


def _link(url: str) -> str:
    return f'"url":"{url}","expanded_url":"{url}","display_url":"{url[8:]}"'
