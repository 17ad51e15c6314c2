"""The command line's word vectors and topics: ``serialeq train embed`` and ``train topics``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.cli.options import (
    DigestEvery,
    EngineName,
    Every,
    Jobs,
    Json,
    Keep,
    OrderName,
    Out,
    Seconds,
    Seed,
)
from serialeq.cli.runs import Trained, start, trains
from serialeq.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from serialeq.training.callbacks import Callback

Texts = Annotated[Path, typer.Argument(help="A text, or label TAB text, per line; UTF-8.")]
Epochs = Annotated[int, typer.Option(help="Passes over the data.")]
Rate = Annotated[float, typer.Option(help="Step size.")]


def train_embedding(
    data: Texts,
    out: Out = None,
    near: Annotated[
        list[str] | None, typer.Option(help="Show the words nearest to this one; may repeat.")
    ] = None,
    dimensions: Annotated[int, typer.Option(help="Length of the vectors.")] = 64,
    epochs: Epochs = 20,
    learning_rate: Rate = 0.1,
    window: Annotated[int, typer.Option(help="How many words apart a pair may be.")] = 5,
    min_count: Annotated[int, typer.Option(help="Leave rarer words out.")] = 5,
    x_max: Annotated[float, typer.Option(help="Count from which pairs weigh the same.")] = 10.0,
    alpha: Annotated[float, typer.Option(help="Exponent of the weights of rarer pairs.")] = 0.75,
    order: OrderName = "blocked",
    engine: EngineName = "auto",
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Learn word vectors from texts (GloVe)."""
    start("embed", locals())


@trains("embed", "data")
def _embed(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.cli.report import notices

    from .cooccurrence import count_pairs
    from .estimator import WordEmbedding

    estimator = WordEmbedding(
        o.dimensions,
        o.epochs,
        o.learning_rate,
        window=o.window,
        min_count=o.min_count,
        x_max=o.x_max,
        alpha=o.alpha,
        order=o.order,
        engine=o.engine,
        n_jobs=o.jobs,
        random_state=o.seed,
    )
    vocabulary, counts = count_pairs(_texts(estimator, o.data), o.window, o.min_count)
    words = vocabulary.tolist()
    notices.print(f"{counts.nnz:,} pairs of {len(words):,} words")
    if unknown := [word for word in o.near or [] if word not in set(words)]:
        raise DataError(f"near: expected words of the vocabulary, got {unknown[0]!r}")
    _fit(estimator, counts, o.epochs, vocabulary=words, callbacks=callbacks)
    shown = {word: estimator.most_similar(word) for word in o.near or []}
    arrays, about = estimator._describe()
    about |= {"words": len(words), "rmse": _last_loss(estimator)}

    def tell() -> None:
        _tell(estimator, about, o.as_json, near=shown)
        if not o.as_json:
            print(f"words    {len(words):,}, {estimator.n_pairs_:,} pairs")
            for word, found in shown.items():
                print(f"{word}: {', '.join(f'{other} {cosine:.2f}' for other, cosine in found)}")

    return Trained(arrays, about, tell)


def train_topics(
    data: Texts,
    out: Out = None,
    topics: Annotated[int, typer.Option(help="Number of topics.")] = 10,
    epochs: Epochs = 20,
    learning_rate: Rate = 0.1,
    zeros: Annotated[int, typer.Option(help="Zeros drawn for each word of a document.")] = 10,
    l2: Annotated[float, typer.Option(help="L2 penalty.")] = 0.01,
    min_documents: Annotated[int, typer.Option(help="Leave words of fewer texts out.")] = 5,
    stop_words: Annotated[
        str, typer.Option(help="english: leave common words out; none.")
    ] = "english",
    order: OrderName = "blocked",
    engine: EngineName = "auto",
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Find the topics of texts (non-negative factorisation of tf-idf)."""
    start("topics", locals())


@trains("topics", "data")
def _find_topics(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.cli.report import notices
    from serialeq.errors import SerialeqError
    from serialeq.problems.mf.training import check_number
    from serialeq.problems.topics.estimator import TopicModel
    from serialeq.reading.features import TextFeatures, features_told
    from serialeq.training.saving import add_inputs

    estimator = TopicModel(
        o.topics,
        o.epochs,
        o.learning_rate,
        n_zeros=o.zeros,
        l2=o.l2,
        order=o.order,
        engine=o.engine,
        n_jobs=o.jobs,
        random_state=o.seed,
    )
    check_number("min_documents", o.min_documents, 1, integer=True)
    if o.stop_words not in ("english", "none"):
        raise SerialeqError(f"stop_words: expected english or none, got {o.stop_words!r}")
    texts = _texts(estimator, o.data)
    features = TextFeatures.of_words(o.stop_words == "english", o.min_documents)
    matrix = features.fit_transform(texts)
    notices.print(f"{len(texts):,} texts, {matrix.shape[1]:,} words")
    _fit(estimator, matrix, o.epochs, callbacks=callbacks)
    told = features_told(features, False)
    arrays, about = add_inputs(estimator._describe(), features.arrays(), features=told)
    about["rmse"] = _last_loss(estimator)
    found = estimator.top_words(features.words())

    def tell() -> None:
        _tell(estimator, about, o.as_json, topics=found)
        if not o.as_json:
            for k, words in enumerate(found):
                print(f"topic {k}: {' '.join(words)}")

    return Trained(arrays, about, tell)


def predict_neighbours(
    arrays: dict[str, np.ndarray], about: dict[str, Any], path: str, top: int
) -> None:
    """Write the nearest words of each word of a file (a word per line) as CSV."""
    from serialeq.reading.texts import read_texts
    from serialeq.runs.loading import restore

    estimator = restore(arrays, about)
    out = csv.writer(sys.stdout, lineterminator="\n")
    asked = [line.strip() for line in read_texts(path) if line.strip()]
    found = [(word, estimator.most_similar(word, top)) for word in asked]
    out.writerow(["word", "near", "cosine"])
    out.writerows((word, w, f"{cosine:.6g}") for word, near in found for w, cosine in near)


def predict_topics(arrays: dict[str, np.ndarray], about: dict[str, Any], path: str) -> None:
    """Write the weights of the topics in each text of a file as CSV."""
    from serialeq.reading.texts import read_texts
    from serialeq.runs.loading import restore, restore_features

    features = restore_features(arrays, about)
    if features is None:
        raise DataError("model: expected one of texts, got one of a matrix; use it from Python")
    weights = restore(arrays, about).transform(features.transform(read_texts(path)))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([f"topic {k}" for k in range(weights.shape[1])])
    out.writerows([f"{w:.6g}" for w in row] for row in weights)


def _texts(estimator: Any, data: Path) -> list[str]:
    """Check the parameters, and return the texts."""
    from serialeq.reading.texts import read_texts

    estimator._parameters()
    return read_texts(str(data))


def _fit(estimator: Any, X: Any, epochs: int, **options: Any) -> None:
    from serialeq.cli.report import epoch_progress

    with epoch_progress(epochs) as progress:
        estimator.fit(X, on_epoch=progress, **options)


def _last_loss(estimator: Any) -> float | None:
    return estimator.history_[-1]["loss"] if estimator.history_ else None


def _tell(estimator: Any, about: dict[str, Any], as_json: bool, **found: Any) -> None:
    from serialeq.cli.report import print_json

    history, reason = estimator.history_, estimator.engine_reason_
    if as_json:
        seconds = sum(record["seconds"] for record in history)
        told = {"engine": estimator.engine_, "engine_reason": reason, "history": history}
        print_json(about | told | {"jobs": estimator.n_workers_, "seconds": seconds} | found)
        return
    print(f"engine   {estimator.engine_} ({reason}), {estimator.n_workers_} workers")
    if history:
        print(f"loss     {history[-1]['loss']:.4f}")
    print(f"digest   {estimator.digest_}")
