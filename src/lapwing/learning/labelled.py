"""What labelled files say: their rows as one schema, whatever they were published as.

Known by their columns are our own (`text`, `label`, and if there are any `category`, `lang`, `event`), CrisisLexT26 and
CrisisLexT6 (Olteanu et al. 2014, 2015), the messages of `disaster_response`, and the tweets of Kaggle's "Disaster Tweets".
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

LABELLED = pl.Schema(
    {
        "text": pl.String(),
        "label": pl.Int8(),  # 1: tells of an emergency, 0: does not
        "category": pl.String(),  # one of `CATEGORIES`, may be null
        "lang": pl.String(),  # may be null
        "event": pl.String(),  # posts of one event are never on both sides of a measurement
        "origin": pl.String(),  # the set
    }
)

NEVER_TRAINED_ON = {"kaggle"}
"""Sets that are for measuring only."""

SHARES = {"crisislex_t6": 0.15, "disaster_response": 0.3}
"""How much a post of a set counts in training, where that is not 1: their labels mean something wider."""

_CATEGORY_OF = {
    "earthquake": "earthquake", "earthquakes": "earthquake", "floods": "flood", "hurricane": "storm", "tornado": "storm",
    "typhoon": "storm", "wildfires": "fire", "bushfire": "fire", "fire": "fire", "haze": "fire", "crash": "accident",
    "explosion": "accident", "refinery": "accident", "meteor": "other", "bombings": "violence", "shootings": "violence",
    "collapse": "infrastructure",
}  # fmt: skip
"""By a word in the name of an event of CrisisLex."""

_POSITIVE = {"1", "true", "yes", "on-topic", "related and informative"}
_NEGATIVE = {"0", "false", "no", "off-topic", "related - but not informative", "not related", "not applicable", "2"}


def rows_of(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The labelled posts (`LABELLED`) in a table of texts, as read from the file `name`; rows without a text are left out.

    Raises `ValueError` for columns that belong to no known set, or a label that is none.
    """
    columns = [column.strip().lower() for column in frame.columns]
    frame = frame.rename(dict(zip(frame.columns, columns, strict=True)))
    for wanted, read in _KNOWN.items():
        if set(wanted) <= set(columns):
            rows = read(frame, _stem(name)).filter(pl.col("text").str.strip_chars() != "")
            labels = rows["label"].str.strip_chars().str.to_lowercase()
            known = labels.is_in([*_POSITIVE, *_NEGATIVE]).fill_null(value=False)
            if not known.all():
                message = f"{name}: {labels.filter(~known).head(1).item()!r} is no label; write 1 or 0"
                raise ValueError(message)
            labelled = rows.with_columns(label=labels.is_in([*_POSITIVE]).cast(pl.Int8))
            return labelled.select(LABELLED.names()).cast(LABELLED)
    message = f"{name}: columns of no set that we know ({', '.join(columns[:8])}); needed are text and label"
    raise ValueError(message)


def _stem(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0].split("-")[0].lower()


def _ours(frame: pl.DataFrame, stem: str) -> pl.DataFrame:
    given = set(frame.columns)
    extra = [
        (pl.col(name) if name in given else pl.lit(None, pl.String)).cast(pl.String).alias(name)
        for name in ("category", "lang", "event")
    ]
    return frame.select(
        pl.col("text").cast(pl.String), pl.col("label").cast(pl.String), *extra, origin=pl.lit(stem)
    ).with_columns(pl.col("event").fill_null(stem))


def _of_event(frame: pl.DataFrame, stem: str, text: str, label: str, origin: str) -> pl.DataFrame:
    words = stem.split("_")
    category = next((_CATEGORY_OF[word] for word in reversed(words) if word in _CATEGORY_OF), None)
    return frame.select(
        text=text,
        label=label,
        category=pl.lit(category, pl.String),
        lang=pl.lit(None, pl.String),
        event=pl.lit(stem),
        origin=pl.lit(origin),
    )


def _t_twenty_six(frame: pl.DataFrame, stem: str) -> pl.DataFrame:
    return _of_event(frame, stem, "tweet text", "informativeness", "crisislex_t26")


def _t_six(frame: pl.DataFrame, stem: str) -> pl.DataFrame:
    return _of_event(frame, stem, "tweet", "label", "crisislex_t6")


def _disaster_response(frame: pl.DataFrame, _: str) -> pl.DataFrame:
    """Messages and, where there is one, what they were translated from."""
    texts = [
        frame.select(text=pl.col(column).replace("NULL", None), label="related", event="event")
        for column in ("message", "original")
    ]
    event = pl.format("disaster_response_{}", pl.col("event").fill_null("news"))
    return (
        pl.concat(texts)
        .drop_nulls("text")
        .select(
            "text",
            "label",
            category=pl.lit(None, pl.String),
            lang=pl.lit(None, pl.String),
            event=event,
            origin=pl.lit("disaster_response"),
        )
    )


def _kaggle(frame: pl.DataFrame, _: str) -> pl.DataFrame:
    return _of_event(frame, "kaggle", "text", "target", "kaggle")


_KNOWN: dict[tuple[str, ...], Callable[[pl.DataFrame, str], pl.DataFrame]] = {
    ("tweet text", "informativeness"): _t_twenty_six,
    ("tweet id", "tweet", "label"): _t_six,
    ("message", "original", "related"): _disaster_response,
    ("keyword", "text", "target"): _kaggle,
    ("text", "label"): _ours,
}
