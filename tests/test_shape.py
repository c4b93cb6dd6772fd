"""Small files, small functions, plain names. A ratchet: the limits only tighten. Each law is tried on a file that breaks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from source_code import ROOT, File, functions, imports, nodes, package_files

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400
PARAMETERS_MAX = 5
OWN_ANCESTORS_MAX = 1

HANDLERS = ("cli/", "serving/")
"""Where functions that a command or a route decorates may take one parameter for each option."""
HANDLER_DECORATORS = {"argument", "command", "delete", "get", "group", "option", "post", "put", "route", "websocket"}

BANNED_WORDS = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
"""They say nothing about what is inside. In functions and variables `base` is a fair word (`base_offset`)."""
UNFINISHED = re.compile(r"#.*\b(FIXME|TODO|XXX|HACK)\b")

Law = Callable[[File], Iterator[str]]


def short_functions(file: File) -> Iterator[str]:
    """Functions fit on a screen."""
    for function in functions(file.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{file.path}:{function.lineno}: {function.name}() is {lines} lines, over {FUNCTION_LINES_MAX}"


def short_files(file: File) -> Iterator[str]:
    """Files fit in a head."""
    lines = file.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{file.path}: {lines} lines, over {FILE_LINES_MAX}"


def few_parameters(file: File) -> Iterator[str]:
    """More than five parameters want to be one value; keyword-only ones count."""
    for function in functions(file.tree):
        if file.path.startswith(HANDLERS) and _decorators(function) & HANDLER_DECORATORS:
            continue
        takes = function.args
        names = [
            each.arg for each in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs, takes.vararg, takes.kwarg) if each
        ]
        count = len([name for name in names if name not in ("self", "cls")])
        if count > PARAMETERS_MAX:
            yield f"{file.path}:{function.lineno}: {function.name}() takes {count} parameters, over {PARAMETERS_MAX}"


def plain_names(file: File) -> Iterator[str]:
    """No utils, helpers, common, manager, base; no numbers in file names but a protocol's version."""
    for part in file.path.removesuffix(".py").split("/"):
        if part != "__init__" and BANNED_WORDS & set(part.split("_")):
            yield f"{file.path}: {part} says nothing about what is inside"
        if re.search(r"\d", re.sub(r"_v\d+(?=_|$)", "", part)):
            yield f"{file.path}: {part} has a number that is no protocol's version"
    for node in nodes(file.tree):
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", node.name)}
            banned = words & BANNED_WORDS
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            banned = set(node.name.split("_")) & (BANNED_WORDS - {"base", "common"})
        else:
            continue
        if banned:
            yield f"{file.path}:{node.lineno}: {node.name}: {banned.pop()!r} says nothing about what it does"


def finished(file: File) -> Iterator[str]:
    """What is left to do is an issue, not a comment."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"{file.path}:{number}: {found[1]}: do it, or write an issue"


def _decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    plain = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in plain}


def too_deep(files: list[File]) -> list[str]:
    """Classes that stand on our own classes which stand on our own; exceptions, Python's and others' classes apart."""
    parents: dict[str, list[str]] = {}
    for file in files:
        known = {name.rpartition(".")[2]: name for _, name in imports(file)}
        classes = [node for node in nodes(file.tree) if isinstance(node, ast.ClassDef)]
        known |= {node.name: f"{file.module}.{node.name}" for node in classes}
        for node in classes:
            parents[f"{file.module}.{node.name}"] = [known.get(_name(parent), "") for parent in node.bases]

    def ancestors(name: str) -> int:
        own = [parent for parent in parents[name] if parent in parents and not parent.startswith("lapwing.errors.")]
        return max((1 + ancestors(parent) for parent in own), default=0)

    return [
        f"{name} stands on {depth} classes of ours"
        for name in parents
        if (depth := ancestors(name)) > OWN_ANCESTORS_MAX
    ]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


LAWS: list[Law] = [short_functions, short_files, few_parameters, plain_names, finished]


def test_the_package_keeps_the_laws() -> None:
    assert [complaint for file in package_files() for law in LAWS for complaint in law(file)] == []


def test_no_class_stands_on_a_class_that_stands_on_a_class() -> None:
    assert too_deep(package_files()) == []


def _beside_the_package() -> list[File]:
    paths = [path for folder in ("tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [File(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in paths]


def test_tests_and_benchmarks_are_short_files_too() -> None:
    assert [complaint for file in _beside_the_package() for complaint in short_files(file)] == []


def mocks(file: File) -> Iterator[str]:
    """Tests are built as a user builds; what they need to replace is an argument."""
    if "mock" not in file.text:
        return
    for line, name in imports(file):
        if name.startswith(("unittest.mock", "mock.", "pytest_mock")) or name == "mock":
            yield f"{file.path}:{line}: {name}: hand over a simple thing instead"


def test_nothing_of_ours_is_mocked() -> None:
    assert [complaint for file in _beside_the_package() for complaint in mocks(file)] == []


def _lines(count: int) -> str:
    return "def long():\n" + "    pass\n" * (count - 1)


BREAKS = [
    (short_functions, "log/sqlite.py", _lines(FUNCTION_LINES_MAX + 1)),
    (
        short_functions,
        "log/sqlite.py",
        "class A:\n" + "".join("    " + line + "\n" for line in _lines(51).splitlines()),
    ),
    (short_files, "log/sqlite.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    (few_parameters, "log/sqlite.py", "def f(a, b, c, d, e, f): ..."),
    (few_parameters, "log/sqlite.py", "def f(a, /, b, *args, c, d, **options): ..."),
    (few_parameters, "log/sqlite.py", "class A:\n    async def f(self, a, b, c, *, d, e, f): ..."),
    (few_parameters, "cli/posts.py", "def plain(a, b, c, d, e, f): ..."),
    (few_parameters, "log/sqlite.py", "@click.command()\ndef f(a, b, c, d, e, f): ..."),
    (plain_names, "log/utils.py", ""),
    (plain_names, "text_helpers/cut.py", ""),
    (plain_names, "sources/mastodon2.py", ""),
    (plain_names, "log/sqlite.py", "class BaseLog: ..."),
    (plain_names, "log/sqlite.py", "class LogManager: ..."),
    (plain_names, "log/sqlite.py", "def path_helper(): ..."),
    (finished, "log/sqlite.py", "x = 1  # TODO: more"),
    (mocks, "tests/test_log.py", "from unittest.mock import patch"),
    (mocks, "tests/test_log.py", "import unittest.mock"),
]


@pytest.mark.parametrize(("law", "path", "text"), BREAKS, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_law_is_seen(law: Law, path: str, text: str) -> None:
    assert list(law(File(path, text))) != []


KEEPS = [
    (short_functions, "log/sqlite.py", _lines(FUNCTION_LINES_MAX)),
    (short_files, "log/sqlite.py", "x = 1\n" * FILE_LINES_MAX),
    (few_parameters, "log/sqlite.py", "class A:\n    def f(self, a, b, c, *, d, e): ..."),
    (few_parameters, "cli/posts.py", "@main.command()\n@click.option('--a')\ndef posts(a, b, c, d, e, f): ..."),
    (plain_names, "formats/x_v2.py", "def base_offset(): ..."),
    (plain_names, "formats/x_v1.py", "class Database: ..."),
    (finished, "log/sqlite.py", "kind = 'TODO'"),
    (mocks, "tests/test_log.py", "from lapwing.testing import SimulatedClock"),
]


@pytest.mark.parametrize(("law", "path", "text"), KEEPS, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_lawful_passes(law: Law, path: str, text: str) -> None:
    assert list(law(File(path, text))) == []


def test_a_tower_of_classes_is_seen_across_files_and_exceptions_are_not() -> None:
    log = File("log/sqlite.py", "class Log: ...\nclass Sqlite(Log): ...\n")
    tall = File("log/fast.py", "from lapwing.log.sqlite import Sqlite\nclass Fast(Sqlite): ...\n")
    errors = File("errors.py", "class A(Exception): ...\nclass B(A): ...\nclass C(B): ...\n")
    assert too_deep([log, errors]) == []
    assert too_deep([log, tall, errors]) == ["lapwing.log.fast.Fast stands on 2 classes of ours"]
