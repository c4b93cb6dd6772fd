"""The dashboard's own tests and types, run as its developers run them."""

from __future__ import annotations

import subprocess

import pytest

from source_code import ROOT


@pytest.mark.full
@pytest.mark.needs(program="npm")
@pytest.mark.parametrize("script", ["test", "check"])
def test_the_pure_parts_and_the_types(script):
    run = subprocess.run(
        ["npm", "run", script], cwd=ROOT / "web", capture_output=True, text=True, timeout=110, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
