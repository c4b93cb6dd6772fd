"""`lapwing status`: how things stand."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option


@click.command("status")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Sources, lag, workers, sizes, and what became of every record."""
    from lapwing.app.status import status

    found = status(directory_of(context))
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
            + (f" has been silent for {worker['silent_s']} s" if worker["lost"] else "")
        )
    for gap in found["gaps"]:
        click.echo(f"gap: {gap['source']}: {gap['reason']}")
    columns = ["received", "stored", "duplicates", "changes", "filtered", "refused"]
    rows = [
        [source["name"], source["network"], *(f"{source[name]:,}" for name in columns)] for source in found["sources"]
    ]
    emit_table("", ["source", "network", *columns], rows, right=columns)


def accounting_line(counts: dict[str, int]) -> str:
    """received = stored + duplicates + changes + filtered + refused, in numbers."""
    parts = " + ".join(
        f"{counts[name]:,} {name}" for name in ("stored", "duplicates", "changes", "filtered", "refused")
    )
    return f"{counts['received']:,} received = {parts}"
