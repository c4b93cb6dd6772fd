"""What docstrings show is what happens."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType

import pytest

import lapwing
from lapwing.app import programs, public


@pytest.mark.parametrize("module", [public, programs])
def test_examples_run(module: ModuleType, tmp_path: Path) -> None:
    names = {"lapwing": lapwing, "folder": tmp_path}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    for test in doctest.DocTestFinder().find(module, extraglobs=names):
        runner.run(test)
    assert runner.tries > 0
    assert runner.failures == 0
