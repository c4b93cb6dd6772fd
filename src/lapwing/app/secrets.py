"""Secrets of the configuration, read where they are when somebody needs them, so that they stand nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from lapwing import config, sections
from lapwing.errors import ConfigError

Options = TypeVar("Options", bound=msgspec.Struct)


def with_secrets(options: Options, folder: str = ".") -> Options:
    """The options with each `env:` and `file:` replaced by what it stands for; raises `ConfigError` where there is nothing.

    A relative `file:` begins at `folder`. White space around a file's text is dropped.
    """
    names = sections.keys(type(options))
    found = {names[key]: getattr(options, names[key]) for key in sections.secrets(type(options))}
    return msgspec.structs.replace(
        options, **{name: secret(value, folder) for name, value in found.items() if isinstance(value, str) and value}
    )


def secret(reference: str, folder: str = ".") -> str:
    """What one reference stands for."""
    if not reference.startswith("file:"):
        return config.secret(reference)
    path = Path(folder) / reference.removeprefix("file:")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no text"
        raise ConfigError(str(path), f"a secret cannot be read ({why})", "name a file that can be read") from problem
    if not text:
        raise ConfigError(str(path), "a secret is empty", "write the secret into it")
    return text
