"""`lapwing status`: how things stand."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import emit_json, emit_table, json_option, standing_directory_of

DAYS_SHOWN_MAX = 1_000
SILENT_S = 10.0
"""A worker says that it lives twice a second; of one that does not for so long it is said."""


@click.command("status")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Sources, lag, workers, sizes, and what became of every record."""
    from lapwing.app.status import status

    found = status(standing_directory_of(context))
    if as_json:
        emit_json(found)
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """The status for people."""
    click.echo(accounting_line(found["accounting"]))
    posts = found["posts"]
    click.echo(
        f"{posts['standing']:,} posts stand, {posts['hidden']:,} are hidden (deleted, replaced by an edit, or their author is gone); newest {posts['newest']}"
    )
    click.echo(
        f"{found['lag_records']:,} records wait in the log; log {found['bytes']['log'] / 1e6:,.1f} MB, ledger {found['bytes']['ledger'] / 1e6:,.1f} MB"
    )
    if found["writer"]:
        click.echo(
            f"process {found['writer']['pid']} is writing"
            + (" and is FROZEN: it delays the others; wake it or kill it" if found["writer"]["frozen"] else "")
        )
    for worker in found["workers"]:
        click.echo(
            f"worker {worker['name']} (process {worker['pid']})"
            + (" is gone" if worker["lost"] else "")
            + (
                f" has been silent for {worker['silent_s']} s"
                if worker["silent_s"] > SILENT_S and not worker["lost"]
                else ""
            )
        )
    for process in found["processes"]:
        click.echo(
            f"{process['name']}: {process['cpu_s']:,.1f} s of CPU, {process['rss_bytes'] / 1e6:,.0f} MB of memory"
        )
    show_disk(found["disk"])
    if found["latency"]["posts"]:
        latency = found["latency"]
        click.echo(f"from received to saved: {latency['p50_s']:,.1f} s, at worst (p99) {latency['p99_s']:,.1f} s")
    for function in found["functions"]:
        failed = f" ({function['failed_share']:.1%}), last {function['last_error']}" if function["failures"] else ""
        click.echo(
            f"function {function['name']}: {'' if function['healthy'] else 'UNHEALTHY, '}{function['state']}, "
            f"{function['lag']:,} wait, {function['calls']:,} calls, {function['failures']:,} failures{failed}"
        )
    for timer in found["timers"]:
        failed = f", {timer['failures']:,} failed, last {timer['last_error']}" if timer["failures"] else ""
        click.echo(f"timer {timer['name']}: {timer['runs']:,} runs, last {timer['last']}{failed}")
    show_sources(found)


def show_sources(found: dict[str, Any]) -> None:
    """How each source is, what was missed, and what became of its records."""
    for listened in found["listening"]:
        why = f": {listened['reason']}" if listened["reason"] else ""
        click.echo(f"source {listened['name']} ({listened['type']}) is {listened['state']}{why}")
    for source in found["sources"]:
        if source["live"]:
            click.echo(listening_line(source))
    for gap in found["gaps"]:
        click.echo(f"gap: {gap['source']}, {gap['from']} to {gap['to']}: {gap['reason']}")
    columns = ["received", "stored", "duplicates", "changes", "filtered", "refused"]
    rows = [
        [source["name"], source["network"], *(f"{source[name]:,}" for name in columns)] for source in found["sources"]
    ]
    emit_table("", ["source", "network", *columns], rows, right=columns)


def listening_line(source: dict[str, Any]) -> str:
    """How a live source is listened to."""
    duty = f"listened to since {source['duty_since']}" if source["on_duty"] else "no longer listened to"
    shares = ((source["heard_last_hour"], "the last hour"), (source["heard_last_day"], "the last 24 hours"))
    heard = ", ".join(f"{share:.2%} of {when} heard" for share, when in shares if share is not None)
    gaps = f"{source['gaps_open']:,} gaps open, {source['gaps_closed']:,} filled"
    return "; ".join(filter(None, (f"{source['name']}: {duty}", heard, gaps)))


def show_disk(disk: dict[str, Any]) -> None:
    """How full the disk is, and a warning when it soon will be."""
    days = disk["days_until_full"]
    until = "" if days is None or days > DAYS_SHOWN_MAX else f", full in {days:,.0f} days at this growth"
    click.echo(f"disk {disk['used_share']:.0%} full, {disk['free_bytes'] / 1e9:,.1f} GB free{until}")
    if disk["nearly_full"]:
        click.echo("the disk is nearly full: free some space, or shorten [log] retention", err=True)


def accounting_line(counts: dict[str, int]) -> str:
    """received = stored + duplicates + changes + filtered + refused, in numbers."""
    parts = " + ".join(
        f"{counts[name]:,} {name}" for name in ("stored", "duplicates", "changes", "filtered", "refused")
    )
    return f"{counts['received']:,} received = {parts}"
