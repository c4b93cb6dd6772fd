"""HTML of posts as plain text: paragraphs become blank lines, `br` a line end, links stay whole, entities are resolved.

Mastodon sanitises what it sends to a handful of elements, which plain cutting at `<` reads; whatever else comes is read
by the standard library's parser, which follows the HTML standard's tokeniser.
"""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

HTML_CHARACTERS_MAX = 65_536
"""More of one post is not read."""

_INLINE = {"a", "/a", "span", "/span", "p"}
_BLOCKS = {"p", "blockquote", "ul", "ol", "pre", "div", "h1", "h2", "h3", "h4", "h5", "h6"}
_SILENT = {"script", "style", "template", "title"}


def plain_text(html: str) -> str:
    """Give the words of a piece of HTML."""
    html = html[:HTML_CHARACTERS_MAX]
    if "<" not in html:
        return (unescape(html) if "&" in html else html).strip()
    quickly = _common_markup(html)
    return _parsed(html) if quickly is None else quickly


def _common_markup(html: str) -> str | None:
    """Read `p`, `br`, `a` and `span`; None when there is anything else."""
    first, *pieces = html.split("<")
    texts = [first]
    for piece in pieces:
        inside, end, text = piece.partition(">")
        name = inside.partition(" ")[0]
        if not end or inside.count('"') % 2 or "'" in inside:
            return None  # a tag that is cut off, or has ">" in an attribute
        if name in _INLINE:
            texts.append(text)
        elif name == "/p":
            texts.append("\n\n" + text)
        elif name in ("br", "br/"):
            texts.append("\n" + text)
        else:
            return None
    joined = "".join(texts)
    return (unescape(joined) if "&" in joined else joined).strip()


class _Words(HTMLParser):
    """Collects the text of any HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the parser gives them
        if tag in _SILENT:
            self.silent += 1
        elif tag in ("br", "li"):
            self.texts.append("\n")
        elif tag in _BLOCKS:
            self._paragraph()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _BLOCKS:
            self._paragraph()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.append(data)

    def _paragraph(self) -> None:
        if self.texts and self.texts[-1] != "\n\n":
            self.texts.append("\n\n")


def _parsed(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    return "".join(words.texts).strip()
