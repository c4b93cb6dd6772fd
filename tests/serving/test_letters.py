"""Dead letters that are mended with something unreadable, counted by themselves, and given up."""

from __future__ import annotations

from pathlib import Path

from cli.running import ingest, lapwing, lines, status
from lapwing.app import letters
from lapwing.app.opening import Directory
from serving.asking import asked


def refused(folder: Path) -> Path:
    """One post, and two dead letters."""
    ingest(folder / "data", lines(folder / "a.ndjson", status(1), b"one", b"two"))
    return folder / "data"


def test_a_correction_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    with asked(refused(tmp_path)) as client:
        before = client.get("/api/v1/errors").json()
        for body, reason in ((b"still no json", "not JSON"), (b'{"id": 1}', "no uri")):
            answer = client.post("/api/v1/errors/1/retry", content=body)
            assert (answer.status_code, reason in answer.json()["detail"]) == (422, True)
            assert client.get("/api/v1/errors").json() == before
        assert client.post("/api/v1/errors/1/retry", content=status(2)).json() == {"moved": 1, "refused": 0}


def test_only_what_was_read_again_is_counted(tmp_path: Path) -> None:
    directory = Directory(refused(tmp_path))
    work_off = letters._work_off

    def meanwhile(*given: object) -> None:
        ingest(tmp_path / "data", lines(tmp_path / "b.ndjson", status(3), b"three"))
        work_off(*given)  # type: ignore[arg-type]

    letters._work_off = meanwhile  # type: ignore[assignment]
    try:
        assert letters.retried(directory, (1,), False, status(2)) == (1, 0)
    finally:
        letters._work_off = work_off
        directory.close()


def test_discarded_letters_are_accounted_for_as_filtered(tmp_path: Path) -> None:
    data = refused(tmp_path)
    assert lapwing(data, "errors", "discard", 1, 99).code == 2
    for said in ("1 were discarded", "0 were discarded"):
        done = lapwing(data, "errors", "discard", 1)
        assert (done.code, said in done.err) == (0, True)
    assert [each["id"] for each in lapwing(data, "errors", "list", "--json").json] == [2]
    counts = lapwing(data, "status", "--json").json
    assert (counts["accounting"]["filtered"], counts["accounting"]["refused"]) == (1, 1)
    assert counts["filtered"] == {"discarded": 1}
    assert lapwing(data, "errors", "retry", 1).code == 0
    assert lapwing(data, "verify").code == 0
    ingest(data, lines(tmp_path / "c.ndjson", status(5), b"one"))
    assert [each["id"] for each in lapwing(data, "errors", "list", "--json").json] == [2, 1]
    assert lapwing(data, "verify").code == 0


def test_a_letter_is_discarded_over_http(tmp_path: Path) -> None:
    with asked(refused(tmp_path)) as client:
        answers = [client.post("/api/v1/errors/1/discard") for _ in range(2)]
        assert [answer.json() for answer in answers] == [{"discarded": 1}, {"discarded": 0}]
        assert [each["id"] for each in client.get("/api/v1/errors").json()["errors"]] == [2]
        assert client.post("/api/v1/errors/99/discard").status_code == 404
