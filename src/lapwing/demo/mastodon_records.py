"""Events as three Mastodon servers stream them: posts in HTML, seen at home and on a second server, edits and deletes."""

from __future__ import annotations

import html

from lapwing.demo.arrivals import local_key
from lapwing.demo.evening import REPLY
from lapwing.demo.people import SERVERS
from lapwing.demo.wording import Cell, Wording, quoted

_STREAM = '"stream":["public"]'
_POLICY = '"quote_approval":{"automatic":["public"],"manual":[],"current_user":"denied"}'


class Writer:
    """Writes one record at a time."""

    def __init__(self, wording: Wording) -> None:
        self._from = wording

    def post(self, row: int, second: bool = False) -> str:
        """Write a post as its author's server says it, or a second one."""
        return _event("update", self._status(self._from.cells[row], "null", second))

    def edit(self, number: int, second: bool = False) -> str:
        """Write an edit: the whole post again, with the moment of the edit."""
        at = f'"{self._from.edited_at[number][:23]}Z"'
        return _event("status.update", self._status(self._from.edit(number), at, second))

    def delete(self, number: int) -> str:
        """Write that a post is gone, by its id on its author's server."""
        return f'{{{_STREAM},"event":"delete","payload":"{self._from.evening.deletes.name[number]}"}}'

    def key(self, row: int, second: bool) -> str:
        """Give the id of a post on its author's server, or on the second."""
        return local_key(self._from.created_us[row], row) if second else self._from.cells[row].key

    def _status(self, cell: Cell, edited: str, second: bool) -> str:
        home = SERVERS[self._from.server[cell.author]]
        here = SERVERS[self._from.second_server[cell.row]] if second else home
        handle = self._from.handle[cell.author]
        key, answers, answered = self.key(cell.row, second), "null", "null"
        if cell.kind == REPLY:
            other = self._from.cells[cell.about]
            strange = self._from.server[other.author] != SERVERS.index(here)
            answers, answered = (
                f'"{self.key(cell.about, strange)}"',
                f'"{_account_key(self._from.account[other.author], strange)}"',
            )
        return (
            f'{{"id":"{key}","created_at":"{cell.created[:23]}Z","in_reply_to_id":{answers},'
            f'"in_reply_to_account_id":{answered},"sensitive":false,"spoiler_text":"","visibility":"public",'
            f'"language":"{cell.lang}","uri":"https://{home}/users/{handle}/statuses/{cell.key}",'
            f'"url":"https://{home}/@{handle}/{cell.key}","replies_count":0,"reblogs_count":0,"favourites_count":0,'
            f'"quotes_count":0,"edited_at":{edited},"content":{quoted(_content(cell, home))},"reblog":null,'
            f'"account":{self._account(cell.author, home, second)},"media_attachments":[],"mentions":[],'
            f'"tags":[{_tags(cell, here)}],"emojis":[],"card":null,"poll":null,"quote":null,{_POLICY}}}'
        )

    def _account(self, author: int, home: str, second: bool) -> str:
        names, handle = self._from, self._from.handle[author]
        number = _account_key(names.account[author], second)
        size = int(names.account[author]) // 10_000_019
        profile = html.escape(names.profile[author])
        field = f'{{"name":"Location","value":{quoted(profile)},"verified_at":null}}' if profile else ""
        return (
            f'{{"id":"{number}","username":"{handle}","acct":"{handle}{"@" + home if second else ""}",'
            f'"display_name":{quoted(names.name[author])},"locked":false,"bot":false,"discoverable":true,"indexable":true,'
            f'"group":false,"created_at":"202{size % 5}-0{1 + size % 9}-1{size % 10}T00:00:00.000Z",'
            f'"note":"<p>A person of a demo.</p>","url":"https://{home}/@{handle}","uri":"https://{home}/users/{handle}",'
            f'"avatar":"https://files.{home}/a/{handle}.png","avatar_static":"https://files.{home}/a/{handle}.png",'
            f'"header":"https://files.{home}/h/missing.png","header_static":"https://files.{home}/h/missing.png",'
            f'"followers_count":{size % 1801},"following_count":{size % 977},"statuses_count":{size % 9001},'
            f'"last_status_at":"2026-01-05","hide_collections":null,"emojis":[],"roles":[],"fields":[{field}]}}'
        )


def _account_key(account: str, second: bool) -> str:
    return str(int(account) + 7) if second else account


def _event(name: str, status: str) -> str:
    payload = status.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{_STREAM},"event":"{name}","payload":"{payload}"}}'


def _content(cell: Cell, home: str) -> str:
    """Write the text as HTML, with links for hashtags and addresses."""
    text = html.escape(cell.body).replace("\n", "<br>")
    for word in cell.tags.split():
        link = f"https://{home}/tags/{word[1:]}"
        text += f' <a href="{link}" class="mention hashtag" rel="tag">#<span>{word[1:]}</span></a>'
    if cell.url:
        shown = f'<span class="invisible">https://</span><span class="">{cell.url[8:]}</span><span class="invisible"></span>'
        text += f' <a href="{cell.url}" target="_blank" rel="nofollow noopener" translate="no">{shown}</a>'
    return f"<p>{text}</p>"


def _tags(cell: Cell, here: str) -> str:
    return ",".join(
        f'{{"name":{quoted(word[1:].lower())},"url":{quoted(f"https://{here}/tags/{word[1:].lower()}")}}}'
        for word in cell.tags.split()
    )
