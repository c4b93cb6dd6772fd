"""`lapwing lead-times`: how early incidents were known, beside official feeds."""

from __future__ import annotations

import sys
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option

TIMES = ("first_post_at", "detected_at", "confirmed_at", "sent_at", "delivered_at", "official_at")


@click.command("lead-times")
@click.option(
    "--since", default="30d", show_default=True, help="From this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h."
)
@click.option("--until", help="Up to this time, exclusive; without one until now.")
@click.option("--csv", "as_csv", is_flag=True, help="The incidents as CSV on stdout.")
@json_option
@click.pass_context
def command(context: click.Context, since: str, until: str | None, as_csv: bool, as_json: bool) -> None:
    """How early each incident was known: first post, detected, confirmed, sent, delivered, and what officials said when."""
    from lapwing.app import lead_times
    from lapwing.app.times import read_time

    directory = directory_of(context)
    now_us = directory.clock.now_us()
    until_us = read_time(until, now_us, "--until") if until else now_us
    found = lead_times.lead_times(directory, read_time(since, now_us, "--since"), until_us)
    if as_json:
        emit_json(found)
    elif as_csv:
        sys.stdout.buffer.write(lead_times.sheet(found).encode("utf-8", "surrogatepass"))
        sys.stdout.flush()
    else:
        headings = ["id", "category", "country", "first post", "detected", "confirmed", "sent", "delivered", "official"]
        emit_table("", headings, [_row(each) for each in found["incidents"]])
        for line in _said(found["summary"]):
            click.echo(line)


def _row(each: dict[str, Any]) -> list[str]:
    times = [(each[name] or "")[:19].replace("T", " ") for name in TIMES]
    return [each["incident"], each["category"], each["country"] or "", *times]


def _said(total: dict[str, Any]) -> list[str]:
    """The summary in sentences; what is not known is not said."""
    lines = [f"{total['incidents']} incidents, {total['official_events']} official events"]
    if (recall := total["recall"])["of"]:
        lines.append(f"recall {recall['share']:.0%} (95 %: {recall['low']:.0%} to {recall['high']:.0%})")
    if total["false_alarms_per_month"] is not None:
        lines.append(f"{total['false_alarms']} false alarms, {total['false_alarms_per_month']:.3g} a month")
    names = {"lead_s": "lead before the official word", "first_post_to_detected_s": "first post to detected",
             "detected_to_sent_s": "detected to sent", "sent_to_delivered_s": "sent to delivered"}  # fmt: skip
    for key, name in names.items():
        middle = total[key]
        if middle["of"]:
            interval = "" if middle["low"] is None else f" (95 %: {middle['low']:,.0f} to {middle['high']:,.0f})"
            lines.append(f"{name}: median {middle['median']:,.0f} s{interval}, of {middle['of']}")
    return lines
