"""Where a request may go that a stranger names: nowhere but to the public internet, whatever way it is written."""

from __future__ import annotations

import socket
from random import Random

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from lapwing.hearing import Disconnected
from lapwing.internet.addresses import is_public
from lapwing.notify._fetch import Request, Sessions, checked, safe_fetch, sessions_of
from lapwing.telling import Surroundings, Undeliverable
from lapwing.testing.networks.push import WebhookFake
from sources.hearing import HurriedTime
from testing.stories import story

PRIVATE = """
127.0.0.1 127.0.0.53 127.255.255.254 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254
169.254.170.2 100.64.0.1 100.100.100.200 0.0.0.0 0.1.2.3 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:169.254.169.254] [::ffff:8.8.8.8] [::127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::1] [2001:0:7f00:1::] [fe80::1]
[fe80::1%25eth0] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [2001:db8::1] [100::1] [0:0:0:0:0:0:0:1]
[0000:0000:0000:0000:0000:ffff:7f00:0001]
2130706433 017700000001 0x7f000001 0x7f.0.0.1 0177.0.0.1 127.1 127.0.1 0 10.1 2852039166 0xa9fea9fe 0251.0376.0251.0376 127.0.0.0x1
127.0.0.1. 127.000.000.001 00000177.0.0.1 0x7F.1 ①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 localhost LOCALHOST localhost.
metadata router
""".split()

ODD = [
    "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "//example.org/",
    "https:///etc", "https://", "example.org", "", "https://user:word@example.org/", "https://user@example.org/",
    "https://example.org@127.0.0.1/", "https://127.0.0.1#@example.org/", "https://127.0.0.1\\@example.org/",
    "https://example.org:22/", "https://example.org:8443/", "https://example.org:99999/", "https://example.org:0/",
    "https://exa mple.org/", "https://example.org/\r\nX: y", "https://example.org/\n", "https://\t127.0.0.1/",
    "https://[::1", "https://[127.0.0.1]/", "https://example.org/" + "a" * 3000, "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_host_that_is_not_public_is_refused_before_anything_is_asked(host: str) -> None:
    with pytest.raises(Undeliverable):
        checked(f"https://{host}/")


@pytest.mark.parametrize("url", ODD)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(Undeliverable):
        checked(url)


def test_the_table_is_as_long_as_was_promised() -> None:
    assert len(PRIVATE) + len(ODD) >= 80


def test_public_addresses_are_not_refused() -> None:
    good = ["https://example.org/a?b=c", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://bücher.example/"]
    assert [str(checked(each)) for each in good][:3] == good[:3]
    assert checked(good[3]).raw_host == "xn--bcher-kva.example"
    assert checked("https://example.org:8443/", frozenset({8443})).port == 8443
    assert is_public("64:ff9b::808:808"), "a public host, as a network without IPv4 sees it"


class Names(AbstractResolver):
    """A name server of the test's: each question for a name gets the next of its answers."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        to = self.answers.pop(0)
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        return [ResolveResult(hostname=host, host=to, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        """Nothing is open."""


def surroundings_with(names: Names) -> Surroundings:
    """As in production, but for who is asked for names."""
    return Surroundings(name="test", time=HurriedTime(), chance=Random(1), shared={"sessions": Sessions(names)})


@pytest.mark.parametrize("to", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00:ec2::254"])
@story
async def test_a_name_that_leads_into_our_network_leads_nowhere(to: str) -> None:
    with WebhookFake("secret") as fake:
        port = int(fake.url.rpartition(":")[2])
        surroundings = surroundings_with(Names(to))
        with pytest.raises(Disconnected, match=r"evil\.example: .*not public"):
            await safe_fetch(
                Request(url=f"https://evil.example:{port}/", ports=frozenset({port}), timeout_s=2.0), surroundings
            )
        assert fake.requests == []
        await sessions_of(surroundings).close()


@story
async def test_a_name_that_changes_between_two_questions_leads_nowhere_either() -> None:
    """Whoever asks first, sees a public address, and then connects by name would reach the second one."""
    names = Names("127.0.0.1", "8.8.8.8")
    surroundings = surroundings_with(names)
    with pytest.raises(Disconnected, match="not public"):
        await safe_fetch(Request(url="https://evil.example/", timeout_s=2.0), surroundings)
    assert names.asked == 1, "the address that was looked at is the one that is connected to"
    await sessions_of(surroundings).close()


@story
async def test_nobody_is_followed_elsewhere_and_a_long_answer_is_cut() -> None:
    surroundings = Surroundings(name="test", time=HurriedTime(), chance=Random(1), shared={})
    with WebhookFake("secret") as fake:
        reply = await safe_fetch(Request(url=fake.url, private=True), surroundings)
        assert (reply.status, len(fake.requests)) == (401, 1)
        with pytest.raises(Undeliverable):
            await safe_fetch(Request(url=fake.url), surroundings)
        assert len(fake.requests) == 1, "what is not said to be private is not asked"
    await sessions_of(surroundings).close()


@story
async def test_a_host_that_says_nothing_is_not_waited_for() -> None:
    surroundings = Surroundings(name="test", time=HurriedTime(), chance=Random(1), shared={})
    with WebhookFake("secret") as fake:
        fake.fault("stall")
        with pytest.raises(Disconnected, match="did not answer in time"):
            await safe_fetch(Request(url=fake.url, private=True, timeout_s=0.05), surroundings)
    await sessions_of(surroundings).close()
