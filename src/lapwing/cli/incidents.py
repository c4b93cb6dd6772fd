"""`lapwing incidents`: what is happening."""

from __future__ import annotations

import sys
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, filters_from, json_option

STATES = ("possible", "confirmed", "fading", "closed")
EXPORTED_MAX = 100_000


@click.group("incidents", invoke_without_command=True)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Repeatable.")
@click.option("--category", "categories", multiple=True, help="fire, flood, earthquake … Repeatable.")
@click.option("--place", multiple=True, help="A city by name, `Name, CC` or GeoNames id. Repeatable.")
@click.option("--country", multiple=True, help="Two letters. Repeatable.")
@click.option("--since", help="With evidence from this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago).")
@click.option("--until", help="That began before this time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--after", help="The `next` of the page before.")
@click.option("--geojson", is_flag=True, help="A GeoJSON FeatureCollection on stdout.")
@json_option
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """What is happening, the latest first: posts of different people about one thing, grouped."""
    if context.invoked_subcommand is not None:
        return
    from lapwing.app import incidents

    directory = directory_of(context)
    filters = filters_from(directory, options)
    wanted = incidents.wanted_of(filters, options["states"], options["categories"])
    if options["geojson"]:
        emit_json(incidents.as_geojson(directory.ledger.store, wanted, EXPORTED_MAX))
        return
    found = incidents.page(directory.ledger.store, wanted, options["limit"], options["after"])
    if options["as_json"]:
        emit_json(found)
        return
    headings = ["id", "state", "severity", "category", "where", "people", "posts", "since", "last"]
    emit_table("", headings, [_row(each) for each in found["incidents"]], right=("people", "posts"))


def _row(found: dict[str, Any]) -> list[str]:
    times = (found[name][:16].replace("T", " ") for name in ("first_at", "last_at"))
    return [found["id"], found["state"], found["severity"], found["category"], _where(found), str(found["people"]),
            str(found["posts"]), *times]  # fmt: skip


def _where(found: dict[str, Any]) -> str:
    place = found["place"]
    return f"{place['name']}, {place['country']}" if place else found["country"] or "unknown"


@command.command("show")
@click.argument("incident")
@click.option("--cap", is_flag=True, help="A draft of an alert in the Common Alerting Protocol 1.2.")
@json_option
@click.pass_context
def show(context: click.Context, incident: str, cap: bool, as_json: bool) -> None:
    """One incident with its evidence: timeline, point, three posts, people, languages, completeness."""
    from lapwing.app import incidents

    directory = directory_of(context)
    if cap:
        sys.stdout.buffer.write(incidents.as_cap(directory, incident).encode())
        sys.stdout.flush()
        return
    found = incidents.card(directory, incident)
    if as_json:
        emit_json(found)
        return
    emit_table("", ["id", *_HEADINGS], [_row(found)[:6]])
    emit_table(
        "", ["time", "what", "people"], [[each["at"], each["kind"], str(each["people"])] for each in found["history"]]
    )
    emit_table("", ["posted", "language", "text"], [[post["created_at"], post["lang"] or "", post["text"] or "(expired)"]
               for post in found["evidence"]])  # fmt: skip
    share = "unknown" if found["complete"] is None else f"{found['complete']:.2%}"
    click.echo(f"completeness of the sources: {share}; posts withdrawn since: {found['withdrawn']}", err=True)


_HEADINGS = ("state", "severity", "category", "where", "people")


def _deciding(kind: str, about: str) -> click.Command:
    @click.command(kind, help=about)
    @click.argument("incident")
    @click.option("--into", default="", help="With merge: the incident that stays.")
    @json_option
    @click.pass_context
    def decide(context: click.Context, incident: str, into: str, as_json: bool) -> None:
        from lapwing.app import incidents

        directory = directory_of(context)
        said = incidents.decide(directory, incidents.decision_of(kind, incident, into, "command line"))
        if as_json:
            emit_json(said)
        else:
            click.echo(f"{kind}: written down; it is taken up by the running `lapwing up`", err=True)

    return decide


for _kind, _about in {
    "confirm": "Say that an incident is true.",
    "dismiss": "Say that an incident is none; it is closed.",
    "merge": "Say that an incident is the one named by --into.",
    "mute": "Let nobody be alerted of an incident any more.",
    "unmute": "Take a mute back.",
}.items():
    command.add_command(_deciding(_kind, _about))
