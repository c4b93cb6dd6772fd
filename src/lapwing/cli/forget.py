"""`lapwing forget`: a person, or what a source brought, removed for good."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, json_option


@click.command("forget")
@click.argument("author", required=False)
@click.option("--source", help="Instead of a person: everything that only this source brought.")
@click.option("--network", help="Instead of a person: everything of this network.")
@click.option(
    "--again", is_flag=True, help="Once more for everybody who was forgotten: what came since, and leftovers."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(context: click.Context, /, author: str | None, **options: Any) -> None:
    """Remove a person for good: posts, reposts of them, words, names, records in the log; and refuse what comes later.

    AUTHOR is the id that `posts --json` shows, or a name that only one person has. Sources and networks are removed
    once: what they bring later is stored again. Backups and copies are not reached. Workers may run meanwhile.
    """
    from lapwing.app import forgetting
    from lapwing.errors import UsageError

    if sum(map(bool, (author, options["source"], options["network"], options["again"]))) != 1:
        raise UsageError("say whom or what to forget, one at a time", "AUTHOR, --source, --network or --again")
    directory = directory_of(context)
    if author:
        who = forgetting.person(directory, author)
        _agreed(_in_words(forgetting.planned(directory, who)), options["yes"])
        done = forgetting.forget(directory, who.author)
    elif options["again"]:
        done = forgetting.forget_again(directory)
    else:
        column = "source" if options["source"] else "network"
        name = options["source"] or options["network"]
        _agreed(
            f"everything of the {column} {name!r}: posts, index, dead letters, and its records in the log",
            options["yes"],
        )
        done = forgetting.purge(directory, column, name)
    emit_json(done) if options["as_json"] else _say(done)


def _agreed(what: str, yes: bool) -> None:
    """Go on only if the person at the keyboard says so."""
    click.echo(f"This removes for good {what}.", err=True)
    if not yes:
        click.confirm("Go on?", abort=True, err=True)


def _in_words(plan: dict[str, Any]) -> str:
    names = f" ({', '.join(plan['names'])})" if plan["names"] else ""
    span = f" from {plan['from'][:10]} to {plan['to'][:10]}" if plan["from"] else ""
    others = f", {plan['reposts_by_others']:,} reposts of them by others" if plan["reposts_by_others"] else ""
    return (
        f"{plan['author']}{names}: {plan['contents']:,} posts and edits{span}{others}, and their records in the log; "
        "what comes from them later is refused"
    )


def _say(done: dict[str, Any]) -> None:
    click.echo(
        f"removed {done['posts']:,} posts, {done['changes']:,} edits and deletes, {done['dead_letters']:,} dead letters, "
        f"{done['documents']:,} documents; emptied {done['records']:,} records of the log"
    )
    if done["waiting"]:
        click.echo(
            f"{done['waiting']:,} records of others that name them wait for a worker and were left",
            err=True,
        )
    if not done["scrubbed"]:
        click.echo(
            "a reader holds the old state of a file, so what was removed may lie in its write-ahead log until it ends",
            err=True,
        )
    if done["again"]:
        click.echo(
            "what came in meanwhile may still lie in the log, where nobody is shown it: "
            "run `lapwing forget --again` in a while, and until it says nothing of this",
            err=True,
        )
