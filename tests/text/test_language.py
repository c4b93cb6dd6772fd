"""The batch gives what langid itself gives, text by text."""

from __future__ import annotations

import polars as pl
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from lapwing.text.language import model_of, probabilities

TEXTS = [
    "Hello my friend, how are you today?",
    "Bonjour tout le monde",
    "SHOUTING IN ENGLISH TODAY",
    "Добрый день, друзья",
    "नमस्ते दुनिया",
]


def test_the_batch_agrees_with_langid() -> None:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found = probabilities(model_of(identifier), pl.Series(TEXTS))
    for text, (lang, chance) in zip(TEXTS, found.rows(), strict=True):
        expected, expected_chance = identifier.classify(text)
        assert (lang, chance) == (expected, pytest.approx(expected_chance, abs=1e-4))
