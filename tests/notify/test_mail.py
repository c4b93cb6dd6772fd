"""E-mail: over TLS that is checked, one mail to each reader, threaded, and nothing smuggled into a header."""

from __future__ import annotations

import pytest

from lapwing.hearing import Disconnected
from lapwing.notify._letters import address_of, letter
from lapwing.notify.mail import Options
from lapwing.telling import ChannelRefused, Gone, Undeliverable
from lapwing.testing.networks.mail import MailFake
from notify.alerts import AT_US, alert, hostile, mouth
from testing.stories import story

TO = "duty@example.org"


def options_for(fake: MailFake, **more: object) -> Options:
    given = {"authority": fake.authority, "user": "alerts", "password": "word"} | more
    return Options(host="127.0.0.1", port=fake.port, sender="alerts@example.org", to=[TO], **given)


@story
async def test_a_reader_gets_one_mail_for_each_alert_threaded_by_incident() -> None:
    with MailFake() as fake:
        async with mouth("mail", options_for(fake, unsubscribe="https://alerts.example.org/u/1")) as it:
            await it.send(alert("a1", kind="possible"))
            await it.send(alert("a1", kind="possible"))
            await it.send(alert("a2", kind="upgrade", title="Überschwemmung in Perth 🌊"))
    (to, first), (_, second) = fake.received
    assert fake.repeats == 1
    assert (to, first["To"], first["From"], first["Subject"]) == (
        TO,
        TO,
        "Lapwing <alerts@example.org>",
        "Flood in Perth",
    )
    assert second["Subject"] == "Überschwemmung in Perth 🌊"
    assert first["Date"] == "Sun, 22 Nov 2026 03:00:05 +0000"
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe"] == "<https://alerts.example.org/u/1>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first.get_content_type() == "text/plain"
    text = first.get_content().replace("\r\n", "\n")
    assert text.startswith("12 reports in 10 min\n\n“The road is under water”\n\nSeverity: severe\n")
    assert "https://alerts.example.org/i/i1" in first.get_content()


@story
async def test_a_certificate_that_nobody_vouches_for_is_not_taken() -> None:
    with MailFake() as fake:
        async with mouth("mail", options_for(fake, authority=None)) as it:
            with pytest.raises(Disconnected, match="certificate is not valid"):
                await it.send(alert())
        async with mouth("mail", options_for(fake, security="tls")) as it:
            with pytest.raises(Disconnected):
                await it.send(alert())
        async with mouth("mail", options_for(fake, security="none", user=None)) as it:
            with pytest.raises(ChannelRefused, match=r"530"):
                await it.send(alert())
    assert fake.received == []
    async with mouth("mail", Options(host="smtp.example.org", security="none", sender="a@example.org", to=[TO])) as it:
        with pytest.raises(ChannelRefused, match="this machine alone"):
            await it.send(alert())


@story
async def test_a_wrong_password_is_said_and_not_shown() -> None:
    with MailFake() as fake:
        async with mouth("mail", options_for(fake, password="another")) as it:
            with pytest.raises(ChannelRefused, match=r"refuses us \(535 ") as refused:
                await it.send(alert())
        assert "another" not in str(refused.value)


ANSWERS = [
    ("450 4.2.0 Greylisted, come again", Disconnected),
    ("452 4.2.2 Mailbox full", Disconnected),
    ("421 4.3.2 Shutting down", Disconnected),
    (f"550 5.1.1 <{TO}> User unknown", Gone),
    ("550 No such user here", Gone),
    ("550 5.7.1 Rejected by policy", Undeliverable),
    ("552 5.2.2 Mailbox full for good", Undeliverable),
]


@pytest.mark.parametrize(("answer", "what"), ANSWERS, ids=[answer[:10] for answer, _ in ANSWERS])
@story
async def test_what_a_server_answers_to_a_recipient_is_understood(answer: str, what: type[Exception]) -> None:
    with MailFake() as fake:
        fake.answers[TO] = [answer]
        async with mouth("mail", options_for(fake)) as it:
            with pytest.raises(what, match=answer[:3]) as refused:
                await it.send(alert())
            assert TO not in str(refused.value), "servers repeat addresses, logs do not"
            await it.send(alert())
        assert len(fake.received) == 1


@story
async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with MailFake() as fake:
        options = options_for(fake)
    async with mouth("mail", options) as it:
        with pytest.raises(Disconnected, match=r"127\.0\.0\.1"):
            await it.send(alert())


@story
async def test_a_hostile_alert_adds_no_header_and_no_recipient() -> None:
    with MailFake() as fake:
        async with mouth("mail", options_for(fake)) as it:
            await it.send(hostile())
    ((to, mail),) = fake.received
    assert to == TO
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"].startswith("Flood Bcc: all@example.org @everyone")
    assert sorted(mail.keys()) == sorted(
        "From To Subject Date Message-ID In-Reply-To References Auto-Submitted Importance Content-Type "
        "Content-Transfer-Encoding MIME-Version".split()
    )


def test_every_server_takes_the_bytes() -> None:
    written = letter(hostile(body="ü" * 5_000), "alerts@example.org", TO, "key", None).as_bytes()
    assert written.isascii()
    assert max(len(line) for line in written.split(b"\r\n")) <= 998
    assert b"\n" not in written.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a@", "@example.org", "a@b", "a@example.org\r\nBcc: b@example.org", "a@example.org,b@example.org",
        "A <a@example.org>", "a b@example.org", "a@exa mple.org", "ü@example.org", "a@b@example.org", ".a@example.org",
        "a..b@example.org", "a@example..org", '"a b"@example.org', "a@[127.0.0.1]", "a" * 65 + "@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_written_to_nobody(text: str) -> None:
    with pytest.raises(Undeliverable):
        address_of(text)


def test_addresses_are_kept_in_one_form() -> None:
    assert address_of(" Duty.Officer+a@Example.ORG ") == "Duty.Officer+a@example.org"
    assert AT_US == 1_795_316_405_000_000
