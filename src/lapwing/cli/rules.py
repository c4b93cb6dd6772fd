"""`lapwing rules`: who is told of what, and what a rule would have sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option
from lapwing.errors import UsageError

SEVERITIES = ("unknown", "minor", "moderate", "severe", "extreme")
SHOWN_MAX = 50


@click.group("rules", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Who is told of what: rules of the configuration's file, and those that were kept by `add` or over HTTP."""
    if context.invoked_subcommand is None:
        _list(context, as_json)


@command.command("list")
@json_option
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """All rules, by name; one of the file wins over a kept one of its name."""
    _list(context, as_json)


def _list(context: click.Context, as_json: bool) -> None:
    from lapwing.app import rules

    directory = directory_of(context)
    found = [rules.shown(directory, each) for each in rules.listed(directory)]
    if as_json:
        emit_json({"rules": found})
        return
    headings = ["name", "where it stands", "area", "categories", "from", "budget", "readers", "note"]
    emit_table("", headings, [_row(each) for each in found], right=("budget", "readers"))


def _row(rule: dict[str, Any]) -> list[str]:
    area = [f"{rule['radius_km']:g} km of {place}" for place in rule["places"]] + rule["countries"]
    area += ["a polygon"] if rule["polygon"] else []
    notes = [rule["problem"], "paused" if rule["paused"] else None, "hides a kept one" if rule["hides_kept"] else None]
    return [
        rule["name"], rule["origin"], ", ".join(area) or "everywhere", ", ".join(rule["categories"]) or "all",
        f"{rule['state']}, {rule['severity']}", str(rule["budget"]), str(rule["readers"]),
        "; ".join(note for note in notes if note),
    ]  # fmt: skip


@command.command("test")
@click.argument("name", required=False)
@click.option(
    "--rule", "file", type=click.Path(exists=True, dir_okay=False), help="A rule that is not kept yet, as TOML."
)
@click.option(
    "--since", default="7d", show_default=True, help="From this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h."
)
@click.option("--until", help="Up to this time, exclusive; without one until now.")
@click.option("--budget", type=click.IntRange(1, 1_000), help="What would change with so many interrupts a day.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="With this least severity.")
@click.option("--state", type=click.Choice(("possible", "confirmed")), help="From this state on.")
@click.option("--category", "categories", multiple=True, help="With these categories. Repeatable.")
@click.option("--radius-km", type=click.FloatRange(0, 20_000, min_open=True), help="So far around its places.")
@click.option("--digest", "digests", multiple=True, help="With digests at these times, as 18:00. Repeatable.")
@click.option("--quiet", multiple=True, help="With these quiet hours, as 22:00-06:00. Repeatable.")
@click.option("--breaks-through", type=click.Choice(("never", *SEVERITIES[1:])), help="From this severity on.")
@json_option
@click.pass_context
def test(context: click.Context, /, **options: Any) -> None:
    """What a rule would have sent to one reader, by what became of incidents in that time; other values are compared."""
    from lapwing.app import back_tests, rules

    directory = directory_of(context)
    rule = _rule(directory, options["name"], options["file"])
    names = ("budget", "severity", "state", "categories", "radius_km", "digests", "quiet", "breaks_through")
    other = {name: options[name] for name in names if options[name]}
    rules.rule_of(rule.name, other)  # blames a value that is none
    other = {name: list(value) if isinstance(value, tuple) else value for name, value in other.items()}
    tested = back_tests.tested_of(directory, rule, (options["since"], options["until"]), **other)
    found = back_tests.test(directory, tested)
    if options["as_json"]:
        emit_json(found)
        return
    emit_table(
        "", ["time", "how", "what", "where", "state", "severity", "people", "id"], _sent(found), right=("people",)
    )
    for line in _said(found, (tested.until_us - tested.since_us) / 86_400e6):
        click.echo(line)


def _rule(directory: Any, name: str | None, file: str | None) -> Any:
    from lapwing.app import rules

    if file is None:
        if name is None:
            raise UsageError("there is no rule to test", "name one, or say --rule FILE")
        return rules.named(directory, name).rule
    found = {rule.name: rule for rule in rules.in_file(_text(file))}
    if name is None and len(found) > 1:
        raise UsageError(f"{file} has {len(found)} rules", "name one: " + ", ".join(found))
    rule = found.get(name) if name else next(iter(found.values()))
    if rule is None:
        raise UsageError(f"{file} has no rule {name!r}", "it has: " + ", ".join(found))
    return rule


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"{file} cannot be read ({problem})", "write it as UTF-8 text") from None


def _sent(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for each in found["sent"]:
        for item in each["incidents"]:
            where = (
                f"{item['place']['name']}, {item['place']['country']}"
                if item["place"]
                else item["country"] or "unknown"
            )
            rows.append([each["at"][:16].replace("T", " "), each["kind"], item["category"] or "", where, item["state"],
                         item["severity"], str(item["people"]), item["id"]])  # fmt: skip
    return rows[-SHOWN_MAX:]


def _said(found: dict[str, Any], days: float) -> list[str]:
    """The test in sentences."""
    lines = [
        f"{found['rule']} would have told of {found['incidents']} incidents in {days:.3g} days: {found['alerts']} alerts, "
        f"{found['in_digests']} in {found['digests']} digests, {found['upgrades']} upgrades, {found['all_clears']} all-clears; "
        f"{found['held']} wait for the next digest"
    ]
    if (share := found["precision"])["of"]:
        lines.append(
            f"of {share['of']} answers of readers {share['share']:.0%} called them useful "
            f"(95 %: {share['low']:.0%} to {share['high']:.0%})"
        )
    if "compared" in found:
        before = found["compared"]["before"]
        lines.append(
            f"as it is written: {before['incidents']} incidents, {before['alerts']} alerts, {before['in_digests']} in "
            f"{before['digests']} digests; {len(found['compared']['no_longer'])} would no longer be told, "
            f"{len(found['compared']['also'])} would be told too"
        )
    return lines


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
@click.pass_context
def add(context: click.Context, file: str, as_json: bool) -> None:
    """Keep the rules of a TOML file, each in place of the one of its name; they count within seconds."""
    from lapwing.app import rules

    directory = directory_of(context, must_exist=False)
    kept = [rules.keep(directory, rule, "command line") for rule in rules.in_file(_text(file))]
    if as_json:
        emit_json({"rules": kept})
        return
    for each in kept:
        hidden = ", but one of the configuration's file hides it" if each["hidden_by_file"] else ""
        problem = f"; {each['rule']['problem']}" if each["rule"]["problem"] else ""
        click.echo(f"kept {each['rule']['name']}{hidden}{problem}", err=True)


@command.command("remove")
@click.argument("name")
@json_option
@click.pass_context
def remove(context: click.Context, name: str, as_json: bool) -> None:
    """Let a kept rule go."""
    from lapwing.app import rules

    said = rules.remove(directory_of(context), name, "command line")
    if as_json:
        emit_json(said)
    else:
        click.echo(f"removed {name}", err=True)
