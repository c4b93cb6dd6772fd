"""Cells of a table: numbers stay numbers, texts are no formulas."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lapwing.app.sheets import sheet
from lapwing.app.tables import sheet_of
from lapwing.contracts import Page


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (-6.21462, "-6.21462"),
        (-7, "-7"),
        (Decimal("-1.50"), "-1.50"),
        ("-6.2", "'-6.2"),
        ("=1+2", "'=1+2"),
        (True, "True"),
        (None, '""'),
        ("normal;=1+2", '"normal;=1+2"'),
        ("a\tb", '"a\tb"'),
    ],
)
def test_a_cell(cell: Any, written: str) -> None:
    assert sheet_of([[cell]]) == written + "\r\n"


def test_a_row_with_another_separator_keeps_its_numbers() -> None:
    assert sheet_of([["a", -1.5, "b;=c"], ["a", -1.5, "b"]]) == '"a",-1.5,"b;=c"\r\na,-1.5,b\r\n'


def test_the_latitude_of_a_place_is_a_number() -> None:
    page = Page([{"id": 1, "name": "Jakarta", "latitude": -6.21462}])
    assert b",-6.21462," in sheet("places", page, heading=False)
