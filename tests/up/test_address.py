"""Where `lapwing up` listens: nobody is refused while those who answer come and go; one tree to a directory and a port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection, create_server

import httpx
import psutil
import pytest

from cli.running import lapwing as command
from examples.running_up import WAIT_S, eventually, up
from lapwing.app.address import Address
from lapwing.app.alone import LOCK, alone
from lapwing.errors import UsageError
from lapwing.serving.sockets import address_of, close, listen
from lapwing.settings import Serve


@contextmanager
def tree(config: Path, data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`lapwing up` on a port that is free, and the first line that it says."""
    words = ["--config", str(config), "--data", str(data), "up", "--workers", "1"]
    running = subprocess.Popen([sys.executable, "-m", "lapwing", *words], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    with running:
        try:
            yield running, running.stderr.readline()
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=WAIT_S)


def connects(where: tuple[str, int]) -> bool:
    try:
        create_connection(where, WAIT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def processes(client: httpx.Client) -> dict[str, int]:
    return {each["name"]: each["pid"] for each in client.get("/api/v1/status").json()["processes"]}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "lapwing.toml"
    file.write_text("[serve]\nport = 0\n")
    return file


@pytest.mark.full
@pytest.mark.timeout(240)
def test_who_asks_while_the_api_is_dead_waits_and_is_answered(config: Path, tmp_path: Path) -> None:
    with up(config, tmp_path / "data") as client:
        before = eventually(lambda: processes(client).get("serve"))
        os.kill(before, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(before)] if psutil.pid_exists(before) else [], timeout=WAIT_S)
        with httpx.Client(base_url=client.base_url, timeout=WAIT_S) as another:
            assert another.get("/healthz").status_code == 200  # not refused, and not asked a second time
        assert eventually(lambda: processes(client).get("serve")) != before


@pytest.mark.timeout(240)
def test_it_says_the_port_that_it_has_and_a_second_one_is_refused(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with tree(config, data) as (running, said):
        port = int(re.search(r"http://127\.0\.0\.1:([0-9]+)", said)[1])  # type: ignore[index]
        assert port != 0
        assert connects(("127.0.0.1", port))
        second = command(data, "--config", config, "up")
        same = tmp_path / "same.toml"
        same.write_text(f"[serve]\nport = {port}\n")
        elsewhere = command(tmp_path / "other", "--config", same, "up")
        beside = command(data, "--config", same, "serve")
    assert second.code == 2
    assert f"process {running.pid} is `lapwing up` on {data} already; end that first (kill {running.pid})" in second.err
    for other in (elsewhere, beside):
        assert other.code == 2
        assert f"something else listens on port {port} of 127.0.0.1" in other.err
        assert f"process {running.pid}" in other.err
        assert "lapwing listens on" not in other.err


def test_what_a_dead_one_left_behind_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("1")
    (tmp_path / "processes.json").write_text(f'{{"up": {os.getppid()}}}')
    with alone(tmp_path):
        with pytest.raises(UsageError, match=f"process {os.getpid()} is `lapwing up` on"), alone(tmp_path):
            pass
        assert (tmp_path / LOCK).read_text() == str(os.getpid())
    with alone(tmp_path):
        pass


@pytest.mark.full
@pytest.mark.timeout(240)
def test_several_processes_share_a_port(config: Path, tmp_path: Path) -> None:
    config.write_text("[serve]\nprocesses = 2\n")
    with up(config, tmp_path / "data") as client:
        them = eventually(lambda: {"serve", "serve-2"} <= set(found := processes(client)) and found)
        for dead, alive in (("serve", "serve-2"), ("serve-2", "serve")):
            os.kill(them[alive], signal.SIGSTOP)  # so that the other one answers
            try:
                with httpx.Client(base_url=client.base_url, timeout=WAIT_S) as asked:
                    key = {"Idempotency-Key": "same"}
                    handed = asked.post("/api/v1/topics/numbers", json={"n": 1}, headers=key).json()
                    assert handed["repeated"] == (dead == "serve-2")  # what one accepted the other knows
                    with asked.stream("GET", "/api/v1/stream") as live:
                        assert next(live.iter_lines()) == "retry: 2000"
            finally:
                os.kill(them[alive], signal.SIGCONT)


def test_it_moves_to_another_port_and_stays_where_another_is_taken(tmp_path: Path) -> None:
    with closing(Address(tmp_path, Serve(port=0))) as address, create_server(("127.0.0.1", 0)) as other:
        first = str(address)
        old = ("127.0.0.1", int(first.rpartition(":")[2]))
        taken = other.getsockname()[1]
        free = address_of(probe := listen("127.0.0.1", 0))[1]
        close(probe)
        assert connects(old)
        address.follow(Serve(port=taken), lambda _: None)
        assert str(address) == first
        address.follow(Serve(port=free, processes=2), lambda _: None)
        assert str(address) == f"http://127.0.0.1:{free}"
        assert [connects(old), connects(("127.0.0.1", free))] == [False, True]
        assert address.names() == ["serve", "serve-2"]


def test_another_name_for_the_same_port_waits_for_those_who_answer(tmp_path: Path) -> None:
    ended: list[str] = []
    with closing(Address(tmp_path, Serve(port=0))) as address:
        where = ("127.0.0.1", int(str(address).rpartition(":")[2]))
        address.follow(Serve(host="localhost", port=where[1]), ended.extend)
        assert ended == ["serve"]
        assert connects(where)
        address.follow(Serve(host="0.0.0.0", port=where[1]), ended.extend)  # others could ask, and there is no token
        assert str(address) == f"http://127.0.0.1:{where[1]}"
