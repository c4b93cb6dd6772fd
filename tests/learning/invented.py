"""A small labelled set that was invented for the tests: five events, told of in English, with talk that is none."""

from __future__ import annotations

import csv
from pathlib import Path

EVENTS = {
    "harbour_fire": "fire",
    "river_flood": "flood",
    "hill_earthquake": "earthquake",
    "coast_storm": "storm",
    "bridge_collapse": "collapse",
}
TELLS = (
    "{what} at the old town, {number} people injured, police say http://news.example/{number}",
    "BREAKING: {what} reported, residents evacuated to the school hall",
    "Officials: death toll of the {what} rises to {number}, rescue goes on",
    "Roads closed after the {what}; shelter open at the town hall, {number} beds",
)
TALKS = (
    "omg this {what} movie is so good haha {number}",
    "praying for everyone, so sad about the {what} :(",
    "I can not believe the {what}, stay strong my love",
    "lol my boss is a {what}, I want to go home",
)


def write_labelled(path: Path, rounds: int = 12) -> Path:
    """A CSV file of 8 posts an event and round, half of them labelled 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label", "category", "event"])
        for event, what in EVENTS.items():
            for number in range(rounds):
                for label, texts in ((1, TELLS), (0, TALKS)):
                    rows.writerows([text.format(what=what, number=number + 2), label, what, event] for text in texts)
    return path
