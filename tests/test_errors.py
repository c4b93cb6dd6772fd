"""What errors say of names that nothing has."""

from __future__ import annotations

from lapwing.errors import UnknownName


def test_a_name_is_offered_once() -> None:
    problem = UnknownName("city", "Nortown", ["Norton", "Norton", "Perth"])
    assert str(problem).count("'Norton'") == 1
    assert "known: a, b" in str(UnknownName("rule", "zzz", ["b", "a", "b"]))
