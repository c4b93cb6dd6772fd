"""The command line: arguments in, one call of the front door, an answer out. Each command is a file, loaded when asked for."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from lapwing import __version__
from lapwing.errors import LapwingError, UnknownName

COMMANDS = {
    "backup": "a consistent copy of the data directory",
    "bench": "measure posts per second and CPU per post on this machine",
    "compare": "window rows that differ from a table of expected ones",
    "config": "the configuration, and where each value comes from",
    "counts": "posts, reposts and people by window and place",
    "demo": "the recorded city evening through the whole path",
    "doctor": "what is wrong here, and how to mend it",
    "errors": "records that were refused: list, show, retry, export",
    "ingest": "archives and recordings into the store",
    "posts": "search and retrieve posts, newest first",
    "rebuild": "run the log through the stages again",
    "replay": "recordings into the log at their own rhythm",
    "status": "sources, lag, sizes, accounting",
    "verify": "check every promise of the data directory",
    "worker": "work through the log until stopped",
    "words": "the most frequent words",
}
"""Command → what it does; `cli/<command>.py` holds it. Kept here so that `--help` loads none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of this name; an unknown one says what was meant."""
        if name not in COMMANDS:
            raise click.UsageError(str(UnknownName("command", name, COMMANDS)), ctx)
        return import_module(f"lapwing.cli.{name}").command  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lapwing")
@click.option("--data", metavar="DIR", help="Where log and store live (default ./lapwing-data, or LAPWING_DATA).")
@click.option("--config", "config_file", metavar="FILE", help="The configuration file (default ./lapwing.toml if it is there).")
@click.option("--debug", is_flag=True, help="Show where an unforeseen error came from.")
@click.pass_context
def lapwing(context: click.Context, data: str | None, config_file: str | None, debug: bool) -> None:
    """Hear public social streams, keep them safely, and say where and when people talk about what."""
    context.obj = {"data": data, "config": config_file}


def main() -> None:
    """Run the command line; errors we raise on purpose become one line and an exit code, never a traceback."""
    try:
        lapwing.main(standalone_mode=False)
    except LapwingError as problem:
        click.echo(f"lapwing: {problem}", err=True)
        sys.exit(problem.exit_code)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("lapwing: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as problem:
        if "--debug" in sys.argv:
            raise
        click.echo(f"lapwing: something that we did not foresee: {type(problem).__name__}: {problem}", err=True)
        click.echo("add --debug after `lapwing` to see where, and report it", err=True)
        sys.exit(1)
