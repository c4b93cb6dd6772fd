"""What the laws read: the source files as trees, and what each of them imports and touches, by full dotted names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "lapwing"


class File(NamedTuple):
    """One source file; `path` is relative to the package: ``log/sqlite.py``."""

    path: str
    text: str

    @property
    def room(self) -> str:
        """The folder, or the file's own name at the top: ``log``, ``config``."""
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def tree(self) -> ast.Module:
        return _tree(self)

    @property
    def module(self) -> str:
        return "lapwing." + self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@lru_cache(maxsize=1)  # laws are asked file by file
def _tree(file: File) -> ast.Module:
    return ast.parse(file.text, file.path)


@lru_cache(maxsize=1)
def nodes(tree: ast.AST) -> list[ast.AST]:
    """Every node of a tree."""
    return list(ast.walk(tree))


def package_files() -> list[File]:
    """Every source file of the package."""
    return [File(str(path.relative_to(PACKAGE)), path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))]


def imports(file: File) -> Iterator[tuple[int, str]]:
    """Line and full name of all that is imported: `lapwing.log.sqlite.Log` for ``from lapwing.log.sqlite import Log``.

    Relative imports and `import_module("lapwing.…")` with a literal count too.
    """
    for node in nodes(file.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, file)
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _last_name(node.func) in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


@lru_cache(maxsize=1)
def touches(file: File) -> list[tuple[int, str]]:
    """Line and full dotted name of every name that the file uses, seen through its imports and their aliases.

    ``from time import time as now`` and ``now()`` give `time.time`. What hangs on a name that was not imported, an
    argument or a variable, begins with ``?``: ``path.open()`` gives `?.open`.
    """
    known: dict[str, str] = {}
    found: list[tuple[int, str]] = []
    for node in nodes(file.tree):
        if isinstance(node, ast.Import):
            plain = {(top := alias.name.split(".")[0]): top for alias in node.names if not alias.asname}
            known |= plain | {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{_origin(node, file)}.{alias.name}" for alias in node.names}
    for node in nodes(file.tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            dotted = _dotted(node)
            first, dot, rest = dotted.partition(".")
            found.append((node.lineno, known.get(first, "?" if rest else first) + dot + rest))
    return found


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call."""
    return (node for node in nodes(tree) if isinstance(node, ast.Call))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, those inside others too."""
    return (node for node in nodes(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _origin(node: ast.ImportFrom, file: File) -> str:
    if not node.level:
        return node.module or ""
    parents = file.module.split(".")
    depth = node.level - file.path.endswith("__init__.py")
    here = ".".join(parents[: len(parents) - depth])
    return f"{here}.{node.module}" if node.module else here


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of names; a chain that begins with something else begins with `?`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return "?"


def _last_name(node: ast.expr) -> str:
    return _dotted(node).rpartition(".")[2]
