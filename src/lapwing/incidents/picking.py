"""Which posts of an incident are shown: few that say as much as possible between them."""

from __future__ import annotations

from collections.abc import Sequence

from lapwing.incidents.copies import alike
from lapwing.incidents.happening import Flagged

SHOWN = 3
CONSIDERED_MAX = 300
OTHER_LANGUAGE = 0.3
LATER = 0.3


def diverse(posts: Sequence[Flagged], count: int = SHOWN) -> list[Flagged]:
    """The first convincing post, then one by one what is most unlike those before: in words, language and time.

    (Carbonell and Goldstein, Maximal Marginal Relevance, 1998, with the classifier's probability as relevance.)
    """
    pool = list(posts[:CONSIDERED_MAX])
    if not pool:
        return []
    sure = max(post.weight for post in pool)
    chosen = [next(post for post in pool if post.weight >= 0.8 * sure)]
    span_us = max(1, pool[-1].at_us - pool[0].at_us)
    while len(chosen) < min(count, len(pool)):
        rest = [post for post in pool if post not in chosen]
        chosen.append(max(rest, key=lambda post: (_worth(post, chosen, span_us), -post.seq)))
    return sorted(chosen, key=lambda post: (post.at_us, post.seq))


def _worth(post: Flagged, chosen: list[Flagged], span_us: int) -> float:
    unlike = min(1 - alike(post.signature, other.signature) for other in chosen)
    language = OTHER_LANGUAGE * all(post.lang != other.lang for other in chosen)
    later = LATER * min(abs(post.at_us - other.at_us) for other in chosen) / span_us
    return post.weight + unlike + language + later
