"""The voices of a happening in its last half hour, kept as time goes on instead of being looked for with every post."""

from __future__ import annotations

from heapq import heappop, heappush

from lapwing.incidents.happening import ECHO_WEIGHT, Happening, Voice
from lapwing.incidents.reach import kind_of


class Window:
    """The voices that are no echoes and came after a time, by area: how many of each kind of emergency, and their weight."""

    def __init__(self, voices: list[Voice]) -> None:
        self.voices, self.start_us, self._counted = voices, 0, 0
        self._inside: list[tuple[int, int, int, float]] = []
        self.areas: dict[int, dict[int, int]] = {}
        self.weights: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._inside)

    def move(self, start_us: int) -> None:
        """Only what came after a time counts from now on; it is never earlier than before."""
        self.start_us = start_us
        for voice in self.voices[self._counted :]:
            if voice.at_us > start_us and voice.weight > ECHO_WEIGHT:
                kind = kind_of(voice.category)
                heappush(self._inside, (voice.at_us, voice.area, kind, voice.weight))
                kinds = self.areas.setdefault(voice.area, {})
                kinds[kind] = kinds.get(kind, 0) + 1
                self.weights[voice.area] = self.weights.get(voice.area, 0.0) + voice.weight
        self._counted = len(self.voices)
        while self._inside and self._inside[0][0] <= start_us:
            _, area, kind, weight = heappop(self._inside)
            kinds = self.areas[area]
            kinds[kind] -= 1
            self.weights[area] -= weight
            if not kinds[kind]:
                del kinds[kind]
                if not kinds:
                    del self.areas[area], self.weights[area]

    def since(self, start_us: int) -> dict[int, dict[int, int]]:
        """As `areas`, of what came after a later time."""
        areas: dict[int, dict[int, int]] = {}
        for at_us, area, kind, _ in self._inside:
            if at_us > start_us:
                kinds = areas.setdefault(area, {})
                kinds[kind] = kinds.get(kind, 0) + 1
        return areas


def window_of(happening: Happening, start_us: int) -> Window:
    """The voices of a happening after a time."""
    kept: Window | None = happening.__dict__.get("window")
    if kept is None or kept.voices is not happening.voices or start_us < kept.start_us:
        kept = happening.__dict__["window"] = Window(happening.voices)
    kept.move(start_us)
    return kept
