"""What every test can count on: a seed that can be repeated, a directory of its own, and an honest word about skips."""

from __future__ import annotations

import importlib.util
import logging
import os
import random
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

SEED_VARIABLE = "LAPWING_TEST_SEED"
SEED_DEFAULT = "20260105"
SAMPLES_VARIABLE = "LAPWING_SAMPLES"
"""Names a folder of real files, which are not ours to keep here; without it the tests of them are not collected."""
SAMPLES_TESTS = "test_real_*.py"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

settings.register_profile(
    "fast", deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "full", deadline=None, max_examples=200, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fast")


def pytest_configure() -> None:
    """One seed for all processes of a run; a developer's own settings stay out of it."""
    os.environ.setdefault(SEED_VARIABLE, SEED_DEFAULT)
    for name in [
        name for name in os.environ if name.startswith("LAPWING_") and name not in (SEED_VARIABLE, SAMPLES_VARIABLE)
    ]:
        del os.environ[name]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Tests of real files are no part of a suite that has none: not skipped, not there; the summary says so."""
    return True if collection_path.match(SAMPLES_TESTS) and not os.environ.get(SAMPLES_VARIABLE) else None


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that is run in this process says its log lines its own way; after the test they are as before."""
    root = logging.getLogger("lapwing")
    handlers, level, propagate = root.handlers, root.level, root.propagate
    yield
    root.handlers, root.propagate = handlers, propagate
    root.setLevel(level)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.needs(program="java")`: skip where the machine has none, and say what is missing."""
    for marker in item.iter_markers("needs"):
        if missing := what_is_missing(**marker.kwargs):
            pytest.skip(f"needs {missing}, which this machine lacks")


def what_is_missing(program: str | None = None, module: str | None = None) -> str:
    """In words; empty when all is there."""
    if program is not None and shutil.which(program) is None:
        return f"the program {program}"
    if module is not None and importlib.util.find_spec(module) is None:
        return f"the Python package {module}"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped in silence: what cannot run there fails."""
    report = yield
    return _skip_is_failure(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """As above, for files that skip themselves."""
    report = yield
    return _skip_is_failure(report)


def _skip_is_failure(report: Report) -> Report:
    """A skip turned into a failure when CI=true; an expected failure is not a skip."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped, and with CI=true that is a failure: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out, and, after a failure, how to run it again with the same chance."""
    if not os.environ.get(SAMPLES_VARIABLE):
        terminalreporter.write_line(
            f"left out: {SAMPLES_TESTS}, since {SAMPLES_VARIABLE} names no folder of real files"
        )
    if terminalreporter.stats.get("failed"):
        seed = os.environ[SEED_VARIABLE]
        terminalreporter.write_line(f"chance: {SEED_VARIABLE}={seed} repeats this run, another number varies it")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that depend only on the run's seed and on the test's own name."""
    return random.Random(f"{os.environ[SEED_VARIABLE]}:{request.node.nodeid}")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a test keeps its log and store; not made yet, as on a user's first day."""
    return tmp_path / "lapwing-data"
