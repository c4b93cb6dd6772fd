"""The command line: arguments in, one call of the front door, an answer out. Each command is a file, loaded when asked for."""

from __future__ import annotations

import io
import sys
from importlib import import_module

import click

import lapwing as package
from lapwing.errors import LapwingError, UnknownName

COMMANDS = {
    "alerts": "what readers were told, and what they say of it",
    "backup": "a consistent copy of the data directory",
    "bench": "measure posts per second and CPU per post on this machine",
    "collection": "documents that are not posts: list, show, search, export",
    "compare": "window rows that differ from a table of expected ones",
    "config": "the configuration, and where each value comes from",
    "counts": "posts, reposts and people by window and place",
    "demo": "the recorded city evening through the whole path",
    "doctor": "what is wrong here, and how to mend it",
    "evaluate": "how good the classifier of emergencies is",
    "errors": "records that were refused: list, show, retry, export",
    "forget": "remove a person, or what a source brought, for good",
    "init": "a first lapwing.toml, by a few questions",
    "incidents": "what is happening: list, show, decide, export",
    "ingest": "archives and recordings into the store",
    "lead-times": "how early incidents were known, beside official feeds",
    "posts": "search and retrieve posts, newest first",
    "rebuild": "run the log through the stages again",
    "record": "what the sources say, exactly, into a file",
    "replay": "recordings into the log at their own rhythm",
    "rules": "who is told of what: list, test, add, remove",
    "serve": "the HTTP API alone",
    "sources": "what is listened to, and how it is; or one source alone",
    "status": "sources, lag, sizes, accounting",
    "token": "who may ask the HTTP API for what: create, list, revoke",
    "tables": "reference tables: how their rows were joined to places",
    "train": "a new classifier of emergencies from labelled files",
    "up": "everything in the configuration, as one process tree",
    "verify": "check every promise of the data directory",
    "worker": "work through the log until stopped",
    "words": "the most frequent words",
}
"""Command → what it does; `cli/<command>.py` holds it, with `_` for a hyphen. Kept here so that `--help` loads none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click asks with it)
        """Every command, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of this name; an unknown one says what was meant."""
        if name not in COMMANDS:
            raise click.UsageError(str(UnknownName("command", name, COMMANDS)), ctx)
        return import_module(f"lapwing.cli.{name.replace('-', '_')}").command  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, prog_name="lapwing")
@click.option("--data", metavar="DIR", help="Where log and store live (default ./lapwing-data, or LAPWING_DATA).")
@click.option(
    "--config", "config_file", metavar="FILE", help="The configuration file (default ./lapwing.toml if it is there)."
)
@click.option("--debug", is_flag=True, help="Show where an unforeseen error came from.")
@click.pass_context
def lapwing(context: click.Context, data: str | None, config_file: str | None, debug: bool) -> None:
    """Hear public social streams, keep them safely, and say where and when people talk about what."""
    context.obj = {"data": data, "config": config_file, "debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors we raise on purpose become one line and an exit code, never a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's encoding does not have is shown as ?
            stream.reconfigure(errors="replace")
    try:
        lapwing.main(arguments, prog_name="lapwing", standalone_mode=False)
    except LapwingError as problem:
        _leave(str(problem), problem.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _leave("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as problem:
        if "--debug" in arguments:
            raise
        _leave(_unforeseen(problem), 1)


def _leave(message: str, code: int) -> None:
    """One message on stderr, without what would move a terminal's cursor, and an exit code."""
    lines = ("".join(char if char.isprintable() else " " for char in line) for line in message.split("\n"))
    click.echo("lapwing: " + "\n".join(lines), err=True)
    sys.exit(code)


def _unforeseen(problem: Exception) -> str:
    """What to say of an error that nobody raised on purpose."""
    import sqlite3

    if isinstance(problem, sqlite3.DatabaseError):
        return (
            f"the data directory cannot be read or written ({problem}); "
            "`lapwing verify` says what is broken, a backup mends it"
        )
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return f"{where}{problem.strerror or problem}; `lapwing doctor` looks for the cause"
    return (
        f"something that we did not foresee: {type(problem).__name__}: {problem}\n"
        "add --debug after `lapwing` to see where, and report it"
    )
