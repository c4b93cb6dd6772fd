"""Reports through Discord and LINE, and what is answered to them, as `lapwing up` does it; both networks are fakes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from examples.running_up import eventually, up
from lapwing.log.sqlite import SqliteLog
from lapwing.testing.networks import DiscordFake, LineFake

CONFIG = Path(__file__).parents[2] / "examples" / "s1_reports.toml"

REPORTS_DISCORD = {
    "Flood in Perth, Australia! The bridge is closed": "Thank you. We noted: flood, Perth (AU).",
    "There is a fire behind our house": (
        "Thank you for your report (fire). Where is it? Please write the name of the town."
    ),
    "Good morning everybody": None,
}
REPORTS_LINE = {
    "gempa di Jakarta, Indonesia": "Thank you. We noted: earthquake, Jakarta (ID).",
    "Hail and bushfires near Toronto, Canada": "Thank you. We noted: fire and storm, Toronto (CA).",
    "thanks!": None,
}
ANSWERS_DISCORD = sorted(said for said in REPORTS_DISCORD.values() if said)
ANSWERS_LINE = sorted(said for said in REPORTS_LINE.values() if said)


@pytest.mark.full
@pytest.mark.timeout(240)
def test_reports_are_answered_once_where_they_came_from(tmp_path: Path) -> None:
    with DiscordFake() as discord, LineFake() as line:
        secrets = {
            "DISCORD_BOT_TOKEN": discord.token,
            "LINE_CHANNEL_SECRET": line.secret,
            "LINE_CHANNEL_TOKEN": line.token,
            "LAPWING__SOURCE__DISCORD__URL": discord.rest_url,
            "LAPWING__SOURCE__LINE__URL": line.url,
        }
        with up(CONFIG, tmp_path / "data", **secrets) as client:
            eventually(lambda: discord.listeners == 1)
            asked = {discord.say(text=text, author=7)[0].removeprefix("discord:"): text for text in REPORTS_DISCORD}
            for text in REPORTS_LINE:
                line.say(text=text, author=8)
            assert line.post_to(f"{client.base_url}/webhooks/line") == 200

            eventually(lambda: len(discord.sent) == 2 and len(line.sent) == 2)
            assert sorted(each["content"] for each in discord.sent) == ANSWERS_DISCORD
            for each in discord.sent:
                question = asked[each["message_reference"]["message_id"]]
                assert each["content"] == REPORTS_DISCORD[question], "each replies to its own report"
            assert sorted(each["messages"][0]["text"] for each in line.sent) == ANSWERS_LINE
            assert {each["to"] for each in line.sent} == {f"U{8:032x}"}

            line.redeliver()
            assert line.post_to(f"{client.base_url}/webhooks/line") == 200
            eventually(lambda: accounting(client)["received"] == 3 + 2 + 3 + 3)
            eventually(lambda: answers_made_and_done(tmp_path / "data") == (2 + 2 + 2, 0))
            assert accounting(client) == {
                "received": 11,
                "stored": 6,
                "changes": 0,
                "duplicates": 3,  # LINE delivered its three once more
                "filtered": 2,  # what the bot itself said on Discord
                "refused": 0,
            }
            assert (len(discord.sent), len(line.sent)) == (2, 2), "a repeat is not answered again"


def accounting(client: httpx.Client) -> dict[str, int]:
    found = client.get("/api/v1/status").json()["accounting"]
    return {name: found[name] for name in ("received", "stored", "changes", "duplicates", "filtered", "refused")}


def answers_made_and_done(data: Path) -> tuple[int, int]:
    """How many answers the functions made, and how many of them nobody has looked at yet."""
    log = SqliteLog(data / "log.sqlite")
    try:
        made = sum(end - begin for (topic, _), (begin, end) in log.spans().items() if topic == "answers")
        return made, sum(log.group_lag(f"answers.{name}", "answers") for name in ("discord", "line"))
    finally:
        log.close()
