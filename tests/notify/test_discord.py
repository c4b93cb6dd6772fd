"""Discord: by bot and by webhook; nobody is mentioned, nothing is markup."""

from __future__ import annotations

import re

import pytest

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify.discord import Options, admitted, plain
from lapwing.telling import ChannelRefused, Gone, Undeliverable
from lapwing.testing.networks import DiscordFake
from lapwing.testing.networks.push import DiscordWebhookFake
from notify.alerts import alert, hostile, mouth
from testing.stories import story


@story
async def test_a_webhook_gets_the_alert_as_an_embed() -> None:
    with DiscordWebhookFake() as fake:
        async with mouth("discord", Options(webhook=fake.webhook, url=fake.api)) as it:
            await it.send(alert())
        (said,) = fake.received
        assert fake.requests[0].query == {"wait": ["true"]}
    (embed,) = said["embeds"]
    assert embed["title"] == "Flood in Perth"
    assert embed["description"] == "12 reports in 10 min\n\n> The road is under water"
    assert embed["url"] == "https://alerts.example.org/i/i1"
    assert embed["timestamp"] == "2026-11-22T03:00:05Z"
    assert [(each["name"], each["value"]) for each in embed["fields"]] == [
        ("Severity", "severe"), ("Kind", "flood"), ("Place", "Perth, AU"), ("People", "12"), ("Heard", "80% of what should have been"),
    ]  # fmt: skip
    assert said["allowed_mentions"] == {"parse": []}


@story
async def test_a_bot_writes_in_its_channel_and_a_repeat_is_dropped() -> None:
    with DiscordFake() as fake:
        to = fake.channel_ids["reports"]
        async with mouth("discord", Options(token="bot-token", channels=[to], url=fake.rest_url)) as it:
            await it.send(alert("a1"))
            await it.send(alert("a1"))
            await it.send(alert("a2"))
            assert [(each["channel_id"], each["embeds"][0]["title"]) for each in fake.sent] == [
                (to, "Flood in Perth")
            ] * 2
            fake.fault("429", after_s=7)
            with pytest.raises(RateLimited) as limited:
                await it.send(alert("a3"))
            assert limited.value.until_us is not None
            with pytest.raises((Gone, Undeliverable)):
                await it.send(alert("a3"), "123456789012345678")
        async with mouth("discord", Options(token="wrong", channels=[to], url=fake.rest_url)) as it:
            with pytest.raises(ChannelRefused) as refused:
                await it.send(alert("a4"))
            assert "wrong" not in str(refused.value)


@story
async def test_a_webhook_that_was_deleted_is_retired_and_no_error_names_it() -> None:
    with DiscordWebhookFake() as fake:
        async with mouth("discord", Options(webhook=fake.webhook, url=fake.api)) as it:
            fake.fault("500")
            with pytest.raises(Disconnected) as broken:
                await it.send(alert())
            assert fake.TOKEN not in str(broken.value)
            fake.deleted = True
            with pytest.raises(Gone, match=r"the webhook was deleted \(10015\)"):
                await it.send(alert())


@story
async def test_a_hostile_alert_mentions_nobody_and_formats_nothing() -> None:
    with DiscordWebhookFake() as fake:
        async with mouth("discord", Options(webhook=fake.webhook, url=fake.api)) as it:
            await it.send(hostile())
        (embed,) = fake.received[0]["embeds"]
    text = embed["title"] + embed["description"] + "".join(each["value"] for each in embed["fields"])
    assert not re.search(r"@(?!\u200b)", text), "no mention"
    assert not re.search(r"(?<!\\)[*_`~|\[\]<]", text), "no markup"
    assert "://" not in text
    assert "\u202e" not in text
    assert "url" not in embed


def test_markup_is_shown_letter_for_letter() -> None:
    assert plain("@here <@1> **a** `b` ||c|| [d](e)") == (
        "@\u200bhere \\<@\u200b1\\> \\*\\*a\\*\\* \\`b\\` \\|\\|c\\|\\| \\[d\\]\\(e\\)"
    )


def test_only_discord_itself_is_an_address() -> None:
    options = Options()
    path = "/webhooks/950000000000000001/aVeryLongTokenOfAWebhook_0123456789"
    for begins in ("https://discord.com/api", "https://discord.com/api/v10", "https://discordapp.com/api"):
        assert admitted(options, f"{begins}{path}?wait=true") == path
    for wrong in (
        f"https://evil.example/api{path}", f"http://discord.com/api{path}", "https://discord.com/api/webhooks/1/2",
        f"https://discord.com/api/../{path}", "", "12", "@everyone", f"{path}/../../users/@me",
    ):  # fmt: skip
        with pytest.raises(Undeliverable):
            admitted(options, wrong)
