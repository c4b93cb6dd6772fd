"""The compiled part under the address and undefined-behaviour sanitizers: no byte is read or written that is not its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lapwing.native

SOURCES = sorted(Path(lapwing.native.__file__).parent.glob("*.c"))
FLAGS = [
    "-std=c11",
    "-O1",
    "-g",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover",
]


@pytest.mark.full
@pytest.mark.needs(program="gcc")
@pytest.mark.timeout(600)
def test_the_same_answers_under_the_sanitizers(tmp_path: Path) -> None:
    """Runs the tests beside this one in another process, with a library that was compiled for it."""
    core = tmp_path / "_core.so"
    subprocess.run(["gcc", *FLAGS, "-o", core, *SOURCES], check=True)
    watchers = [_found(name) for name in ("libasan.so", "libubsan.so")]
    (tmp_path / "sanitized.py").write_text(
        "from lapwing.native import cutting, compiled, matching, picking, projection, scanning\n"
        f"core = compiled.load({str(core)!r})\n"
        "for module in (compiled, cutting, matching, picking, projection, scanning):\n"
        "    module.compiled = lambda: core\n"
    )
    environment = os.environ | {
        "LD_PRELOAD": " ".join(watchers), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": str(tmp_path),
    }  # fmt: skip
    tests = Path(__file__).with_name("test_same_answers.py")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "sanitized",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        str(tests),
    ]
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]


def _found(name: str) -> str:
    gcc = shutil.which("gcc") or "gcc"
    path = subprocess.run([gcc, f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout.strip()
    return str(Path(path).resolve())
