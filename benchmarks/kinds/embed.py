"""Word vectors: pairs of 20 Newsgroups (window 5, words that occur 5 times)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.datasets import SEED
from benchmarks.kinds import Effort, Extras, Setting, Source
from benchmarks.texts import TextDataset, newsgroups_texts
from serialeq.cli.report import notices
from serialeq.problem import Problem
from serialeq.problems.embed.cooccurrence import count_pairs
from serialeq.problems.embed.estimator import WordEmbedding

DATA = (TextDataset.NEWSGROUPS,)

WORDS = ("windows", "god", "car", "israel", "gun", "space", "drive", "baseball")
"""Words whose nearest words are shown."""


def source(name: str, quick: bool) -> Source:
    """Return the pairs; `quick`: those of generated texts."""
    notices.print(f"counting the pairs of {name}")
    vocabulary, counts = count_pairs(_generated_texts() if quick else newsgroups_texts())
    words = vocabulary.tolist()

    def make(**setting: Any) -> Problem:
        return WordEmbedding(random_state=SEED, **setting).problem(counts)

    def extras(setting: Setting, effort: Effort) -> Extras:
        model = WordEmbedding(n_epochs=effort.epochs, random_state=SEED, **setting)
        model.fit(counts, vocabulary=words)
        asked = [word for word in WORDS if word in model.vocabulary_] or words[:3]
        return Extras({}, {word: dict(model.most_similar(word, 8)) for word in asked})

    described = f"{name}, {counts.nnz:,} pairs of {len(words):,} words"
    return Source(described, make, extras=extras)


def _generated_texts() -> list[str]:
    """Return texts of words that follow Zipf's law; each text prefers some of them."""
    rng = np.random.default_rng(SEED)
    weights = 1.0 / np.arange(5, 1_005)
    drawn = rng.choice(1_000, size=(400, 100), p=weights / weights.sum())
    drawn = np.where(rng.random(drawn.shape) < 0.5, drawn, (drawn // 10) * 10 + rng.integers(10))
    return [" ".join(f"word{w}" for w in text) for text in drawn.tolist()]
