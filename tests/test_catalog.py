"""Components are found by the names of their files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lapwing import catalog
from lapwing.contracts import Format
from lapwing.errors import UnknownName

COMPONENT = """
from lapwing.contracts import Format
FORMAT = Format(network="{name}", recognises=lambda record: False, decode=lambda records: None, example=[])
"""


@pytest.fixture
def formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of formats that holds only what a test puts there."""
    import lapwing.formats

    monkeypatch.setattr(lapwing.formats, "__path__", [str(tmp_path)])
    monkeypatch.setattr(lapwing.formats.__spec__, "submodule_search_locations", [str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("lapwing.formats."):
            del sys.modules[name]


def test_a_new_file_is_a_new_component(formats: Path) -> None:
    (formats / "gull.py").write_text(COMPONENT.format(name="gull"))
    (formats / "avocet.py").write_text(COMPONENT.format(name="avocet"))
    assert catalog.names("formats") == ["avocet", "gull"]
    found = catalog.load("formats", "gull")
    assert isinstance(found, Format)
    assert found.network == "gull"


def test_an_underscore_hides_a_file(formats: Path) -> None:
    (formats / "_shared.py").write_text("")
    assert catalog.names("formats") == []
    with pytest.raises(UnknownName):
        catalog.load("formats", "_shared")


def test_a_name_off_by_a_letter_is_told_the_nearest(formats: Path) -> None:
    (formats / "jetstream.py").write_text(COMPONENT.format(name="bluesky"))
    with pytest.raises(UnknownName) as caught:
        catalog.load("formats", "jetsream")
    assert str(caught.value) == "no format is called 'jetsream'; did you mean 'jetstream'?"


def test_listing_imports_nothing(formats: Path) -> None:
    (formats / "broken.py").write_text("import a_package_that_is_not_there")
    assert catalog.names("formats") == ["broken"]
    with pytest.raises(ModuleNotFoundError):
        catalog.load("formats", "broken")


def test_a_file_that_ends_in_something_else_is_a_broken_promise(formats: Path) -> None:
    (formats / "odd.py").write_text("FORMAT = 'odd'")
    with pytest.raises(AssertionError, match=r"formats/odd\.py must end in FORMAT, a Format"):
        catalog.load("formats", "odd")


def test_an_unknown_kind_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        catalog.names("format")
    assert str(caught.value) == "no kind of component is called 'format'; did you mean 'formats'?"


def test_the_catalog_alone_loads_no_component() -> None:
    program = (
        "import sys; from lapwing import catalog; catalog.names('formats'); catalog.names('stages');"
        "print([name for name in sys.modules if name.startswith(('lapwing.formats.', 'lapwing.stages.'))])"
    )
    source = str(Path(catalog.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
