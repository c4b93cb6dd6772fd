"""LINE: pushed once, whatever happens on the way."""

from __future__ import annotations

import pytest

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify.line import Options
from lapwing.telling import ChannelRefused, Undeliverable
from lapwing.testing.networks import LineFake
from notify.alerts import alert, hostile, mouth
from testing.stories import story

TO = "C8e742f61d673b39c7fff3cecb7536ef0"


@story
async def test_a_group_gets_the_alert_as_text_and_a_repeat_is_dropped() -> None:
    with LineFake() as fake:
        async with mouth("line", Options(token="line-token", to=[TO], url=fake.url)) as it:
            await it.send(alert())
            await it.send(alert())
        (sent,) = fake.sent
        assert [request.status for request in fake.requests] == [200, 409]
    assert sent["to"] == TO
    assert sent["messages"] == [
        {
            "type": "text",
            "text": "Flood in Perth\n\n12 reports in 10 min\n\n“The road is under water”\n\nSeverity: severe\nKind: flood\n"
            "Place: Perth, AU\nPeople: 12\nHeard: 80% of what should have been\n\nhttps://alerts.example.org/i/i1",
        }
    ]


@story
async def test_limits_quotas_and_tokens_are_told_apart() -> None:
    with LineFake() as fake:
        async with mouth("line", Options(token="line-token", to=[TO], url=fake.url)) as it:
            fake.fault("500")
            with pytest.raises(Disconnected):
                await it.send(alert("a1"))
            fake.fault("429")
            with pytest.raises(RateLimited, match="rate limit"):
                await it.send(alert("a1"))
            fake.quota = 0
            with pytest.raises(RateLimited, match="month") as limited:
                await it.send(alert("a1"))
            assert limited.value.back_off is not None
            assert limited.value.back_off.first_s == 3_600.0
        async with mouth("line", Options(token="wrong", to=[TO], url=fake.url)) as it:
            with pytest.raises(ChannelRefused, match="access token"):
                await it.send(alert("a1"))
        assert fake.sent == []


@story
async def test_a_hostile_alert_fits_and_nobody_else_is_written_to() -> None:
    with LineFake() as fake:
        async with mouth("line", Options(token="line-token", to=[f"line:{TO}"], url=fake.url)) as it:
            await it.send(hostile())
            with pytest.raises(Undeliverable, match="no id of LINE"):
                await it.send(alert(), "Ueverybody")
        ((text,),) = [[each["text"] for each in sent["messages"]] for sent in fake.sent]
    assert len(text.encode("utf-16-le")) // 2 <= 5_000
    assert "http://evil" not in text
