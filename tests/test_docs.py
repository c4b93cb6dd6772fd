"""What the pages say is so: links lead somewhere, code runs, every command and every key is described.

The tables of `docs/guide/configuration.md` are made from the code; to write them anew: `make docs`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from lapwing import catalog, config
from lapwing.settings import Listening, format_duration
from source_code import ROOT

CONFIGURATION = ROOT / "docs" / "guide" / "configuration.md"
COMMANDS = ROOT / "docs" / "guide" / "commands.md"


class Block(NamedTuple):
    """A fenced piece of code in a page; `words` are what stands behind the fence: ``python run``."""

    place: str
    words: list[str]
    text: str


def pages() -> list[Path]:
    """Every Markdown page of the project."""
    folders = ("docs", "examples", "bench", "deploy", "src")
    return sorted([*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))])


def without_code(text: str) -> str:
    """A page with its fenced blocks and code words blanked out, so that what remains is prose."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def broken_links(page: Path) -> Iterator[str]:
    """Relative links that lead to no file, and anchors that lead to no heading."""
    for number, line in enumerate(without_code(page.read_text("utf-8")).splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path) if path else page
            if not there.exists():
                yield f"{page.name}:{number}: {target}: there is no such file"
            elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                yield f"{page.name}:{number}: {target}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(page: Path) -> list[Block]:
    """The fenced code of a page."""
    text = page.read_text("utf-8")
    found = re.finditer(r"^```([^\n`]*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [
        Block(f"{page.name}:{text[: block.start()].count(chr(10)) + 1}", block[1].split(), block[2]) for block in found
    ]


def wrong_code(block: Block, folder: Path) -> Iterator[str]:
    """Code that does not parse, and, where the fence says ``run``, that does not run in an empty folder."""
    language, run = (block.words or [""])[0], "run" in block.words
    try:
        if language == "python":
            compile(block.text, block.place, "exec")
        elif language == "toml" and run:
            config.parse(block.text, environment={})
        elif language == "toml":
            tomllib.loads(block.text)
    except (SyntaxError, ValueError, config.ConfigError) as error:
        yield f"{block.place}: {error}"
        return
    if language == "console":
        yield from unknown_commands(block)
    if run and language in ("python", "console"):
        yield from failures(block, folder)


def failures(block: Block, folder: Path) -> Iterator[str]:
    """Run a block as a reader would, from its first line to its last."""
    commands = [[sys.executable, "-c", block.text]]
    if block.words[0] == "console":
        typed = [shlex.split(line[2:], comments=True) for line in block.text.splitlines() if line.startswith("$ ")]
        commands = [[sys.executable, "-m", *words] for words in typed if words and words[0] == "lapwing"]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    for command in commands:
        done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{block.place}: {shlex.join(command)} said {done.returncode}: {done.stderr.strip()[-500:]}"


def unknown_commands(block: Block) -> Iterator[str]:
    """`$ make …` of targets, and `$ lapwing …` of commands, that do not exist."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    for line in block.text.splitlines():
        words = shlex.split(line[2:], comments=True) if line.startswith("$ ") else []
        if words[:1] == ["make"]:
            named = [word for word in words[1:] if "=" not in word]
            yield from (f"{block.place}: make has no target {word}" for word in named if word not in targets)
        elif words[:1] == ["lapwing"] and (known := command_line()):
            named = [word for word in words[1:] if not word.startswith("-")]
            if named and named[0] not in known:
                yield f"{block.place}: lapwing has no command {named[0]}"


def command_line() -> dict[str, list[str]]:
    """Every command with its options, as click knows them; empty as long as there is no command line."""
    spec = importlib.util.find_spec("lapwing.cli")
    if spec is None or spec.origin is None:
        return {}
    import click

    from lapwing import cli

    def walk(command: click.Command, name: str) -> Iterator[tuple[str, list[str]]]:
        yield name, [option for each in command.params for option in each.opts if option.startswith("--")]
        if isinstance(command, click.Group):
            for word in command.list_commands(click.Context(command)):
                below = command.get_command(click.Context(command), word)
                if below is not None and not below.hidden:
                    yield from walk(below, f"{name} {word}".strip())

    return dict(walk(next(each for each in vars(cli).values() if isinstance(each, click.Group)), ""))


def table(section: type[msgspec.Struct], name: str) -> str:
    """One section of the configuration as a Markdown table."""
    _, parts = msgspec.json.schema_components([section])
    rows = [
        f"<!-- made from {origin(section, name)}: `make docs` -->",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for field in msgspec.structs.fields(section):
        description = parts[section.__name__]["properties"][field.encode_name]["description"]
        rows.append(f"| `{name.partition(' ')[0]}.{field.encode_name}` | {default(field)} | {description} |")
    return "\n".join(rows) + "\n"


def origin(section: type[msgspec.Struct], name: str) -> str:
    """Where a table of keys comes from."""
    kind = name.partition("(")[2].rstrip(")")
    return f"sources.{kind}" if kind else f"settings.{section.__name__}"


def default(field: msgspec.structs.FieldInfo) -> str:
    """What a key is when nothing is said, as TOML writes it."""
    if field.required:
        return "needed"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "`(none)`"
    text = format_duration(value) if field.name.endswith("_us") else value
    return f"`{msgspec.json.encode(text).decode()}`"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_piece_of_code_is_right(page: Path, tmp_path: Path) -> None:
    assert [wrong for block in blocks(page) for wrong in wrong_code(block, tmp_path)] == []


def sections() -> dict[str, type[msgspec.Struct]]:
    """Every section of the configuration, and those of each kind of source."""
    sources = {f"source ({kind})": catalog.load("sources", kind).options for kind in catalog.names("sources")}
    return {**config.SECTIONS, **config.TABLES, "source": Listening, **sources}


@pytest.mark.parametrize("name", sections())
def test_every_key_is_in_the_guide(name: str) -> None:
    fresh, page = table(sections()[name], name), CONFIGURATION.read_text("utf-8")
    if os.environ.get("UPDATE_DOCS"):
        head = re.escape(fresh.splitlines()[0])
        page = re.sub(head + r"\n(\|.*\n)*", lambda _: fresh, page)
        CONFIGURATION.write_text(page, "utf-8")
    assert fresh in page, "the page is older than the code; run: make docs"


def test_every_command_and_option_is_in_the_guide() -> None:
    known = command_line()
    page = COMMANDS.read_text("utf-8") if known else ""
    missing = [f"lapwing {name}" for name in known if name and f"lapwing {name}" not in page]
    missing += [
        f"lapwing {name}: {option}" for name, options in known.items() for option in options if option not in page
    ]
    assert missing == []


def test_no_page_names_a_registry_and_no_lock_file_an_address() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        assert "://" not in path.read_text("utf-8"), f"{path.name} says where packages come from"


BREAKS = [
    ("[here](nowhere.md)", "page.md:1: nowhere.md: there is no such file"),
    ("# A b\n[here](#a-c)", "page.md:2: #a-c: there is no such heading"),
    ("```python\ndef :\n```\n", "page.md:1: invalid syntax (page.md:1, line 1)"),
    ("```toml\na = \n```\n", "page.md:1: Invalid value (at line 1, column 5)"),
    ('```toml run\n[log]\nulr = "x"\n```\n', "page.md:1: log.ulr: there is no such key; did you mean 'url'?"),
    ("```console\n$ make coffee\n```\n", "page.md:1: make has no target coffee"),
]


@pytest.mark.parametrize(("text", "complaint"), BREAKS)
def test_a_wrong_page_is_seen(text: str, complaint: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    found = [*broken_links(page), *(wrong for block in blocks(page) for wrong in wrong_code(block, tmp_path))]
    assert found == [complaint]


def test_code_that_fails_when_it_runs_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python run\nraise SystemExit(3)\n```\n")
    (wrong,) = wrong_code(blocks(page)[0], tmp_path)
    assert "said 3" in wrong


def test_a_right_page_passes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# A b\n[a](#a-b) [b](page.md) [c](https://a.example/) `[d](x.md)`\n```python run\nprint(1)\n```\n```console\n$ make test\n```\n"
    page.write_text(text)
    assert list(broken_links(page)) == []
    assert [wrong for block in blocks(page) for wrong in wrong_code(block, tmp_path)] == []
