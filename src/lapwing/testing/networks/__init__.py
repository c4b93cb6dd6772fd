"""Faithful fake networks: servers on loopback that page, limit, redeliver, cut and stall as the real ones do.

    with MastodonFake("aus.example", seed=7) as fake:
        fake.say(100)          # posts are said when the test says so
        fake.fault("cut")      # and things go wrong when it says so
        ...                    # the source under test listens at fake.url
        fake.truth().posts     # what it holds in the end
        fake.happened          # what it had to survive

They need aiohttp, which is imported here and not by `lapwing.testing`.
"""

from lapwing.testing.networks.discord import DiscordFake
from lapwing.testing.networks.feeds import FeedsFake
from lapwing.testing.networks.jetstream import JetstreamFake
from lapwing.testing.networks.line import LineFake
from lapwing.testing.networks.mastodon import MastodonFake
from lapwing.testing.networks.x import XFake

__all__ = ["DiscordFake", "FeedsFake", "JetstreamFake", "LineFake", "MastodonFake", "XFake"]
