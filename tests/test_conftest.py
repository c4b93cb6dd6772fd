"""The suite's own promises: a missing thing is said, and in CI it is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

STORIES = """
import pytest

@pytest.mark.needs(program="a-program-that-is-nowhere")
def test_needs_a_program():
    raise AssertionError("must not run")

@pytest.mark.needs(module="a_module_that_is_nowhere")
def test_needs_a_module():
    raise AssertionError("must not run")

@pytest.mark.needs(program="sh", module="json")
def test_has_all_it_needs():
    pass

@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail():
    raise AssertionError

def test_chance_repeats_itself(chance):
    print("drawn", chance.random())
"""


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    needs: x\n")
    (folder / "test_stories.py").write_text(STORIES)
    command = [sys.executable, "-m", "pytest", "-q", "-rsA", "-p", "no:cacheprovider", "test_stories.py"]
    # of the plug-ins that lie about only pytest's own: to load the others takes longer than the stories
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    surroundings = {name: value for name, value in os.environ.items() if name != "CI"} | environment
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


def test_what_the_machine_lacks_is_skipped_and_said(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0
    assert "needs the program a-program-that-is-nowhere, which this machine lacks" in done.stdout
    assert "needs the Python package a_module_that_is_nowhere, which this machine lacks" in done.stdout
    assert "2 passed, 2 skipped, 1 xfailed" in done.stdout


def test_in_ci_a_skip_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "with CI=true that is a failure: Skipped: needs the program a-program-that-is-nowhere" in done.stdout
    assert "2 passed, 1 xfailed, 2 errors" in done.stdout


def test_a_seed_repeats_a_run(tmp_path: Path) -> None:
    def drawn(seed: str) -> str:
        return next(
            line for line in run(tmp_path, LAPWING_TEST_SEED=seed).stdout.splitlines() if line.startswith("drawn")
        )

    once = drawn("7")
    assert drawn("7") == once
    assert drawn("8") != once
