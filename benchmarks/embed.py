"""Word vectors: pairs of 20 Newsgroups (window 5, words that occur 5 times), every engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.datasets import SEED
from benchmarks.mf import Row, race_engines
from benchmarks.texts import newsgroups_texts
from serialeq import WordEmbedding
from serialeq.cli.report import notices
from serialeq.problems.embed.cooccurrence import count_pairs
from serialeq.problems.mf.problem import Factorization

WORDS = ("windows", "god", "car", "israel", "gun", "space", "drive", "baseball")
"""Words whose nearest words are shown."""


@dataclass(frozen=True)
class Pairs:
    """Counted pairs of words.

    Attributes
    ----------
    vocabulary : array of str, shape (n_words,)
    counts : csr_array of float64, shape (n_words, n_words)
    described : str
        Name and size.
    """

    vocabulary: np.ndarray
    counts: Any
    described: str


def load_pairs(quick: bool = False) -> Pairs:
    """Return the pairs of 20 Newsgroups; `quick`: of generated texts."""
    name = "generated texts" if quick else "20 Newsgroups"
    notices.print(f"counting the pairs of {name}")
    vocabulary, counts = count_pairs(_generated_texts() if quick else newsgroups_texts())
    described = f"{name}, {counts.nnz:,} pairs of {len(vocabulary):,} words"
    return Pairs(vocabulary, counts, described)


def _generated_texts() -> list[str]:
    """Return texts of words that follow Zipf's law; each text prefers some of them."""
    rng = np.random.default_rng(SEED)
    weights = 1.0 / np.arange(5, 1_005)
    drawn = rng.choice(1_000, size=(400, 100), p=weights / weights.sum())
    drawn = np.where(rng.random(drawn.shape) < 0.5, drawn, (drawn // 10) * 10 + rng.integers(10))
    return [" ".join(f"word{w}" for w in text) for text in drawn.tolist()]


def make_problem(pairs: Pairs, n_factors: int) -> Factorization:
    """Return a new problem, as `WordEmbedding` trains it."""
    return WordEmbedding(n_factors, random_state=SEED).problem(pairs.counts)


def measure(
    pairs: Pairs, n_factors: int, jobs: int, rounds: int, epochs: int
) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and ratios of one rank; the error is the training loss."""
    return race_engines(
        partial(make_problem, pairs, n_factors), Factorization.loss, n_factors,
        pairs.counts.nnz, jobs, rounds, epochs, {}, dict,
    )  # fmt: skip


def neighbours(pairs: Pairs, n_factors: int, epochs: int) -> dict[str, list[tuple[str, float]]]:
    """Return the words nearest to `WORDS`, or to the first ones if none of them occurs."""
    words = pairs.vocabulary.tolist()
    model = WordEmbedding(n_factors, epochs, random_state=SEED)
    model.fit(pairs.counts, vocabulary=words)
    asked = [word for word in WORDS if word in model.vocabulary_] or words[:3]
    return {word: model.most_similar(word, 8) for word in asked}
