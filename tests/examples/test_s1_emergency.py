"""Reports and a crawler's flood in, one message on a phone: `lapwing up` with everything between; the networks are fakes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from examples.running_up import eventually, up
from lapwing.testing.networks import DiscordFake, LineFake
from lapwing.testing.networks.fcm import FcmFake

CONFIG = Path(__file__).parents[2] / "examples" / "s1_emergency.toml"
DEVICE = "device-of-the-duty-officer"
DISCORD = (
    "Flood in Jakarta: the river broke its bank and the hospital road is under water",
    "People are trapped on roofs in Jakarta after the flood, rescue boats needed",
    "Flash flood in Jakarta, three cars swept away near the market",
    "Jakarta: evacuation because of the flooding, the school is the shelter",
    "The bus to Jakarta is late again",
)
LINE = (
    "Severe flooding in Jakarta, two people missing, boats are needed",
    "Hujan deras dan banjir di Jakarta, listrik padam, warga mengungsi",
    "Emergency: flood water is rising fast in Jakarta, families evacuated to the mosque",
    "Good morning from Jakarta",
)
FLOOD = 200


@pytest.mark.full
@pytest.mark.timeout(240)
def test_what_many_report_reaches_the_phone_once(tmp_path: Path) -> None:
    with DiscordFake() as discord, LineFake() as line, FcmFake(devices=(DEVICE,)) as phone:
        said = {
            "DISCORD_BOT_TOKEN": discord.token,
            "LINE_CHANNEL_SECRET": line.secret,
            "FIREBASE_ACCOUNT": phone.account,
            "DEVICE_TOKENS": DEVICE,
            "LAPWING__SOURCE__DISCORD__URL": discord.rest_url,
            "LAPWING__SOURCE__LINE__URL": line.url,
            "LAPWING__SOURCE__CRAWLER__COUNT": str(FLOOD),
            "LAPWING__SOURCE__CRAWLER__PER_SECOND": "100",
            "LAPWING__CHANNEL__PHONES__URL": phone.url,
        }
        with up(CONFIG, tmp_path / "data", **said) as client:
            eventually(lambda: discord.listeners == 1)
            for author, text in enumerate(DISCORD):
                discord.say(text=text, author=author)
            for author, text in enumerate(LINE):
                line.say(text=text, author=100 + author)
            assert line.post_to(f"{client.base_url}/webhooks/line") == 200

            (message, *_) = eventually(lambda: list(phone.received))
            assert message["token"] == DEVICE
            assert message["notification"]["title"].startswith("Flood, Jakarta — ")
            data = message["data"]
            assert (data["kind"], data["category"], data["place"]) == ("confirmed", "flood", "Jakarta, ID")
            assert data["title"] == message["notification"]["title"]

            eventually(lambda: stored(client) == FLOOD + len(DISCORD) + len(LINE))
            (incident,) = eventually(lambda: whole(client))
            assert incident["id"] == data["incident"]
            assert (incident["people"], incident["posts"]) == (8, FLOOD + 7), "the flood of one text is one voice"
            assert [each["kind"] for each in client.get("/api/v1/alerts").json()["alerts"]] == ["confirmed"]
            assert len(phone.received) == 1


def stored(client: httpx.Client) -> int:
    return int(client.get("/api/v1/status").json()["accounting"]["stored"])


def whole(client: httpx.Client) -> list[dict[str, int]]:
    """The incidents, once all posts that were flagged are in one."""
    found = client.get("/api/v1/incidents").json()["incidents"]
    return found if sum(each["posts"] for each in found) == FLOOD + 7 else []
