"""Evenings that are made up, through the working set: one incident for each happening, and none for talk."""

from __future__ import annotations

import msgspec
import pytest

from incidents.evenings import Told, evening, hear
from lapwing.incidents.burst import Rhythm
from lapwing.incidents.happening import CONFIRMED, POSSIBLE, Change, Happening, mark_of
from lapwing.incidents.scoring import Score, score
from lapwing.incidents.working import Working


def scored(seed: int, least: int) -> Score:
    happened, heard = evening(seed)
    _, where, changes = hear(heard)
    about = {said.post.seq: said.about for _, said in heard if isinstance(said, Told)}
    shown = {each.incident for each in changes if isinstance(each, Change) and least <= each.state <= CONFIRMED}
    pairs = [(mark_of(str(founder)), about[seq]) for seq, founder in where.items() if mark_of(str(founder)) in shown]
    return score(pairs, [one.name for one in happened])


@pytest.mark.parametrize("seed", range(500, 506))
def test_each_happening_is_one_incident(seed: int) -> None:
    for least in (POSSIBLE, CONFIRMED):
        found = scored(seed, least)
        assert (found.once, found.fragments, found.false, found.missed) == (4, 0, 0, 0)
        assert found.purity > 0.9


@pytest.mark.full
def test_sixty_evenings() -> None:
    every = [scored(seed, POSSIBLE) for seed in range(1_000, 1_060)]
    assert sum(each.once for each in every) >= 235  # of 240
    assert sum(each.false for each in every) <= 3
    assert sum(each.purity for each in every) / 60 > 0.95


def test_an_evening_of_nothing_but_talk_has_no_incident() -> None:
    for seed in range(200, 204):
        _, heard = evening(seed, happenings=0)
        assert hear(heard)[2] == []


def test_who_takes_over_in_the_middle_says_the_same() -> None:
    _, heard = evening(300)
    whole, where, changes = hear(heard)
    half = len(heard) // 2
    first, where_first, changes_first = hear(heard[:half])
    happenings = [
        msgspec.msgpack.decode(msgspec.msgpack.encode(each), type=Happening) for each in first.happenings.values()
    ]
    rhythms = {
        area: msgspec.msgpack.decode(msgspec.msgpack.encode(each), type=Rhythm) for area, each in first.rhythms.items()
    }
    second, _, changes_second = hear(heard[half:], Working(happenings, rhythms, first.now_us))
    assert changes_first + changes_second == changes
    assert {each: second.happenings[each].posts for each in second.happenings} == {
        each: whole.happenings[each].posts for each in whole.happenings
    }
    assert set(where_first) <= set(where)


def test_a_flood_of_one_text_is_one_voice_and_stays_small() -> None:
    _, heard = evening(400, happenings=1, hours=2)
    (_, first) = next((at, said) for at, said in heard if isinstance(said, Told) and said.about)
    assert isinstance(first, Told)
    working = Working()
    for number in range(20_000):
        working.hear(
            msgspec.structs.replace(first.post, seq=10_000 + number, author=number, at_us=first.post.at_us + number)
        )
        working.joined.clear()
    (only,) = working.happenings.values()
    assert (len(only.voices), only.posts, only.state) == (1, 20_000, 0)
    assert len(msgspec.msgpack.encode(only)) < 1_000
