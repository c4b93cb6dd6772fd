"""The native part; everything else about the package stands in pyproject.toml."""

from setuptools import Extension, setup

FOLDER = "src/lapwing/native"

setup(
    ext_modules=[
        # The hottest loops. Without a compiler the installation goes on, and all runs in Python, with the same answers.
        Extension(
            "lapwing.native._core",
            [f"{FOLDER}/{part}.c" for part in ("arrow", "cut", "match", "pick", "postings", "project")],
            depends=[f"{FOLDER}/arrow.h"],
            extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"],
            optional=True,
        )
    ]
)
