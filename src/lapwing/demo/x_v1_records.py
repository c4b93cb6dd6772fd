"""Posts, reposts and deletes as X's older streams (API v1.1) wrote them, and as archives hold them: ASCII, with escapes."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted

from lapwing.demo.evening import COORDINATES, PLACE, QUOTE, REPLY, REPOST
from lapwing.demo.identifiers import old_instant
from lapwing.demo.scene import places
from lapwing.demo.wording import Cell, Wording, box, escaped, point, spans, whole
from lapwing.demo.x_v2_records import LANGUAGE_TAGS, place_id

LENGTH_MAX = 140

_SOURCE = '"source":"<a href=\\"https://example.org/app\\" rel=\\"nofollow\\">Demo for Phones</a>"'
_NO_ANSWER = (
    '"in_reply_to_status_id":null,"in_reply_to_status_id_str":null,"in_reply_to_user_id":null,'
    '"in_reply_to_user_id_str":null,"in_reply_to_screen_name":null'
)


class Writer:
    """Writes one record at a time."""

    def __init__(self, wording: Wording) -> None:
        self._from = wording

    def post(self, row: int) -> str:
        """Write a post or repost."""
        return self._status(self._from.cells[row])

    def delete(self, number: int) -> str:
        """Write that a post is gone."""
        deletes = self._from.evening.deletes
        key, author = deletes.name[number], self._from.cells[int(deletes.row[number])].author
        account = self._from.account[author]
        return (
            f'{{"delete":{{"status":{{"id":{key},"id_str":"{key}","user_id":{account},"user_id_str":"{account}"}},'
            f'"timestamp_ms":"{int(deletes.at_us[number]) // 1000}"}}}}'
        )

    def _status(self, cell: Cell) -> str:
        created_us = self._from.created_us[cell.row]
        text, long = self._text(cell), ""
        if cell.kind != REPOST and len(text) > LENGTH_MAX:
            entities = _entities(cell, text)
            long = f'"extended_tweet":{{"full_text":{quoted(text)},"display_text_range":[0,{len(text)}],{entities}}},'
            text = text[: LENGTH_MAX - 1] + "…"
        return (
            f'{{"created_at":"{old_instant(created_us, cell.created)}","id":{cell.key},"id_str":"{cell.key}",'
            f'"text":{quoted(text)},{_SOURCE},"truncated":{"true" if long else "false"},{self._answer(cell)},'
            f'"user":{self._user(cell.author)},{_where(cell)},"contributors":null,{self._inner(cell)}{long}'
            f'"is_quote_status":{"true" if cell.kind == QUOTE else "false"},"quote_count":0,"reply_count":0,'
            f'"retweet_count":0,"favorite_count":0,{_entities(cell, text)},"favorited":false,"retweeted":false,'
            f'"filter_level":"low","lang":"{LANGUAGE_TAGS.get(cell.lang, cell.lang)}","timestamp_ms":"{created_us // 1000}"}}'
        )

    def _inner(self, cell: Cell) -> str:
        if cell.kind == REPOST:
            return f'"retweeted_status":{self._status(self._from.cells[cell.about])},'
        if cell.kind == QUOTE:
            other = self._from.cells[cell.about]
            inner = self._status(other._replace(kind=0, about=-1))
            return f'"quoted_status_id":{other.key},"quoted_status_id_str":"{other.key}","quoted_status":{inner},'
        return ""

    def _answer(self, cell: Cell) -> str:
        if cell.kind != REPLY:
            return _NO_ANSWER
        other = self._from.cells[cell.about]
        account, handle = self._from.account[other.author], self._from.handle[other.author]
        return (
            f'"in_reply_to_status_id":{other.key},"in_reply_to_status_id_str":"{other.key}",'
            f'"in_reply_to_user_id":{account},"in_reply_to_user_id_str":"{account}","in_reply_to_screen_name":"{handle}"'
        )

    def _text(self, cell: Cell) -> str:
        if cell.kind == REPOST:
            other = self._from.cells[cell.about]
            text = f"RT @{self._from.handle[other.author]}: {escaped(whole(other))}"
            return text if len(text) <= LENGTH_MAX else text[: LENGTH_MAX - 1] + "…"
        answers = f"@{self._from.handle[self._from.cells[cell.about].author]} " if cell.kind == REPLY else ""
        return answers + escaped(whole(cell))

    def _user(self, author: int) -> str:
        names, account = self._from, self._from.account[author]
        size = int(account) // 10_000_019
        return (
            f'{{"id":{account},"id_str":"{account}","name":{quoted(names.name[author])},'
            f'"screen_name":"{names.handle[author]}","location":{quoted(names.profile[author]) if names.profile[author] else "null"},'
            f'"url":null,"description":"A person of a demo.","translator_type":"none","protected":false,"verified":false,'
            f'"followers_count":{size % 4801},"friends_count":{size % 977},"listed_count":{size % 13},'
            f'"favourites_count":{size % 30011},"statuses_count":{size % 20011},'
            f'"created_at":"Wed Mar 04 10:00:00 +0000 2015","utc_offset":null,"time_zone":null,"geo_enabled":true,'
            f'"lang":null,"profile_image_url_https":"https://images.example/{names.handle[author]}.png",'
            f'"default_profile":true,"default_profile_image":false}}'
        )


def _where(cell: Cell) -> str:
    if cell.by not in (COORDINATES, PLACE):
        return '"geo":null,"coordinates":null,"place":null'
    spot = '"geo":null,"coordinates":null'
    if cell.by == COORDINATES:
        longitude, latitude = point(cell.row, cell.place)
        spot = (
            f'"geo":{{"type":"Point","coordinates":[{latitude},{longitude}]}},'
            f'"coordinates":{{"type":"Point","coordinates":[{longitude},{latitude}]}}'
        )
    city, number = places()[cell.place], place_id(cell.place)
    west, south, east, north = (round(edge, 5) for edge in box(cell.place))
    return (
        f'{spot},"place":{{"id":"{number}","url":"https://api.example/1.1/geo/id/{number}.json","place_type":"city",'
        f'"name":{quoted(city.name)},"full_name":{quoted(f"{city.name}, {city.country_name}")},'
        f'"country_code":"{city.country}","country":{quoted(city.country_name)},"bounding_box":{{"type":"Polygon",'
        f'"coordinates":[[[{west},{south}],[{west},{north}],[{east},{north}],[{east},{south}]]]}},"attributes":{{}}}}'
    )


def _entities(cell: Cell, text: str) -> str:
    tags = [f'{{"text":{quoted(word[1:])},"indices":[{a},{b}]}}' for a, b, word in spans(text, cell.tags)]
    links = [
        f'{{"url":"{word}","expanded_url":"{word}","display_url":"{word[8:]}","indices":[{a},{b}]}}'
        for a, b, word in spans(text, cell.url)
    ]
    return f'"entities":{{"hashtags":[{",".join(tags)}],"urls":[{",".join(links)}],"user_mentions":[],"symbols":[]}}'
