"""`lapwing evaluate`: how good the classifier of emergencies is."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import emit_json, emit_table, json_option

_PARTS = {
    "two_stages": "gate and classifier",
    "gate_alone": "gate alone",
    "classifier_alone": "classifier alone",
    "after_the_gate": "of what passed the gate",
}


@click.command("evaluate")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--model", metavar="MODEL", help="The classifier's file; without it the one that comes with Lapwing.")
@click.option(
    "--against", metavar="MODEL", help="Another classifier to compare with; FILE is then a list of frozen files."
)
@click.option(
    "--leave-one-event-out", "left_out", is_flag=True, help="Train anew without each event, and measure on it."
)
@click.option("--seed", type=int, default=7, show_default=True, help="For the intervals.")
@json_option
def command(
    files: tuple[str, ...], model: str | None, against: str | None, left_out: bool, seed: int, as_json: bool
) -> None:
    """Measure on labelled FILES that the classifier has not seen, as `lapwing train` reads them.

    Macro-F1, precision and recall with 95 % intervals (drawn by event), by language and event; calibration; speed. With
    --against, FILES are lists as sha256sum writes them, and files that were changed since are refused.
    """
    from pathlib import Path

    from lapwing.app.emergency import read_weights, shipped_weights
    from lapwing.app.evaluating import compare, evaluate, frozen_sets, speed
    from lapwing.app.training import read_labelled, train

    if left_out:
        found = train(read_labelled(files), seed, lambda event: click.echo(f"without {event}", err=True)).measured
    elif against:
        weights = read_weights(Path(model) if model else shipped_weights())
        sets = {name: each for path in files for name, each in frozen_sets(Path(path)).items()}
        found = compare(weights, read_weights(Path(against)), sets, seed)
    else:
        weights = read_weights(Path(model) if model else shipped_weights())
        labelled = read_labelled(files)
        found = evaluate(weights, labelled, seed) | {"speed": speed(weights, labelled.posts)}
    if as_json:
        emit_json(found)
    elif against and not left_out:
        show_comparison(found)
    else:
        show_measures(", ".join(Path(file).name for file in files[:3]), found)


def show_measures(title: str, found: dict[str, Any]) -> None:
    """Measures, for people."""
    named = [(name, found[part]) for part, name in _PARTS.items() if found.get(part)]
    named += [(f"{kind} {name}", each) for kind in ("lang", "event") for name, each in found.get(kind, {}).items()]
    rows = [
        [
            name,
            str(each["posts"]),
            *(_interval(each[key]) for key in ("macro_f1", "precision", "recall")),
            f"{each['calibration_error']:.3f}",
        ]
        for name, each in named
    ]
    emit_table(title, ["of", "posts", "macro-F1", "precision", "recall", "calibration error"], rows)
    bins = (found.get("after_the_gate") or found["two_stages"])["reliability"]
    table = [[f"{each['from']:.1f}", str(each["posts"]), f"{each['said']:.3f}", f"{each['was']:.3f}"] for each in bins]
    emit_table("\ncalibration of what passed the gate", ["from", "posts", "said", "was"], table)
    for name, each in found.get("verdicts", {}).items():
        click.echo(f"verdict {name}: {each['share']:.1%} of the posts, {each['emergencies']:.1%} of them emergencies")
    if found.get("categories"):
        right = found["categories"]
        click.echo(
            f"category: {right['same']:.1%} right, {right['same_above']:.1%} with the category above, of {right['posts']}"
        )
    if "speed" in found:
        pace = found["speed"]
        click.echo(
            f"{pace['posts_per_second_a_core']:,} posts/s a core of {pace['mean_bytes']:.0f} bytes, {pace['passed']:.1%} passed the gate;"
            f" gate {pace['gate_us_per_post']:.2f} µs, classifier {pace['classifier_us_per_passed_post']:.2f} µs for each that passed"
        )


def show_comparison(found: dict[str, Any]) -> None:
    """Two classifiers side by side, for people."""
    rows = [[name, _interval(each["new"]), _interval(each["old"])] for name, each in found["sets"].items()]
    emit_table("macro-F1 on the frozen files", ["file", "new", "old"], rows)
    click.echo(f"the new one is {'better' if found['better'] else 'not better'}: {found['gain']:+.4f} on average")


def _interval(each: dict[str, float]) -> str:
    return f"{each['value']:.3f} ({each['low']:.3f}–{each['high']:.3f})"
