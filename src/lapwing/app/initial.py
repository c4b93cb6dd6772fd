"""`lapwing init`: a first lapwing.toml, of answers that were each tried before they are written down."""

from __future__ import annotations

import ipaddress
import os
import shutil
from pathlib import Path

import msgspec

from lapwing import config
from lapwing.errors import UsageError
from lapwing.serving.probing import port_is_free

FREE_BYTES_MIN = 1 << 30


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, as it was answered."""

    data: Path
    host: str
    port: int
    retention: str
    posts_retention: str
    durability: str


def check_folder(path: Path) -> str:
    """What is wrong with a data directory, or an empty text: it must be writable, with some room."""
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not there.is_dir():
        return f"{there} is not a folder"
    if not os.access(there, os.W_OK):
        return f"{there} cannot be written to"
    free = shutil.disk_usage(there).free
    return "" if free >= FREE_BYTES_MIN else f"there is {free / 1e6:,.0f} MB free; a GB is little enough"


def check_address(host: str, port: int) -> str:
    """What is wrong with where to listen, or an empty text."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host != "localhost":
            return f"{host!r} is no address; write 127.0.0.1, or 0.0.0.0 for every network of this machine"
    return "" if port_is_free(host, port) else f"something else listens on port {port} of {host}"


def text_of(answers: Answers) -> str:
    """The file: what differs from the defaults is said, the rest is there to be found."""
    return f"""# Lapwing's configuration. What is not said has its default: docs/guide/configuration.md
# Check it with: lapwing config show --origin

[log]
retention = "{answers.retention}"            # how long every record is kept verbatim
durability = "{answers.durability}"      # "power" survives a power cut too, and is slower

[store]
posts_retention = "{answers.posts_retention}"     # texts; counts are kept longer: counts_retention

[serve]
host = "{answers.host}"
port = {answers.port}

# [[function]]                    # your own Python between two topics
# name = "shout"
# from = "raw.mastodon"
# to = "observations"
# run = "my_module:shout"
"""


def save(file: Path, answers: Answers, *, replace: bool) -> None:
    """Write the file, if it is a good one; raises `UsageError` where there is one already."""
    if file.exists() and not replace:
        raise UsageError(f"there is a {file} already", "say --force to replace it, or --config another")
    text = text_of(answers)
    config.parse(text, file=str(file), environment={})
    file.write_text(text, encoding="utf-8")
    answers.data.mkdir(parents=True, exist_ok=True)
