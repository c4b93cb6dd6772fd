"""`lapwing alerts`: what readers were told, and what they say of it."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option


@click.group("alerts", invoke_without_command=True)
@click.option("--since", help="Sent from this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--after", help="The `next` of the page before.")
@json_option
@click.pass_context
def command(context: click.Context, since: str | None, limit: int, after: str | None, as_json: bool) -> None:
    """What readers were told, the newest first, and what became of it."""
    if context.invoked_subcommand is not None:
        return
    from lapwing.app import alerts
    from lapwing.app.times import read_time

    directory = directory_of(context)
    since_us = read_time(since, directory.clock.now_us(), "--since") if since else 0
    found = alerts.page(directory, since_us, limit, after)
    if as_json:
        emit_json(found)
        return
    headings = ["sent", "kind", "title", "rule", "channel", "reader", "delivery", "useful", "id"]
    emit_table("", headings, [_row(each) for each in found["alerts"]])
    if (share := found["precision"]["all"])["of"]:
        interval = f"{share['low']:.0%} to {share['high']:.0%}"
        click.echo(f"{share['share']:.0%} of {share['of']} answers: useful (95 %: {interval})", err=True)


def _row(each: dict[str, Any]) -> list[str]:
    useful = {True: "yes", False: "no", None: ""}[each["useful"]]
    return [each["sent_at"][:16].replace("T", " "), each["kind"], each["title"] or "", each["rule"], each["channel"],
            each["reader"], each["delivery"] or "expired", useful, each["id"]]  # fmt: skip


@command.command("feedback")
@click.argument("alert")
@click.option("--useful/--not-useful", "useful", default=None, required=True, help="Whether it was.")
@click.option("--reader", default="", help="The mark of the reader who says so; without one it is said for all.")
@json_option
@click.pass_context
def feedback(context: click.Context, alert: str, useful: bool, reader: str, as_json: bool) -> None:
    """Say whether an alert was useful; what was said of it before counts no more."""
    from lapwing.app import alerts

    said = alerts.say(directory_of(context), (alert, reader), useful, "command line")
    if as_json:
        emit_json(said)
    else:
        click.echo("written down", err=True)
