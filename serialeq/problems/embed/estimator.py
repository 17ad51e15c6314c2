"""`WordEmbedding`: vectors of words from how often they occur near each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from serialeq.errors import DataError, SerialeqError
from serialeq.native.incidence import LIMIT
from serialeq.problems.mf.problem import Factorization
from serialeq.problems.mf.training import (
    Entries,
    FactorizationModel,
    FactorizationParameters,
    check_number,
    fit_factorization,
)
from serialeq.reading.lines import shown
from serialeq.training.callbacks import Callback
from serialeq.training.saving import (
    Described,
    describe,
    pack_words,
    parameters_of,
    remade,
    tell_model,
    unpack_words,
)
from serialeq.training.trainer import EpochRecord

from .cooccurrence import LARGEST_WINDOW, check_counts, count_pairs
from .kernel import targets_and_weights


class WordEmbedding(BaseEstimator):
    """GloVe: word vectors by weighted factorisation of the logarithms of co-occurrence counts.

    Minimises ``Σ f(x_ij) (w_i·c_j + a_i + b_j + mean − log x_ij)²`` over the pairs of words that
    occur near each other, with ``f(x) = min(1, x / x_max)**alpha`` (Pennington, Socher, Manning,
    EMNLP 2014). It is `MatrixFactorization` with weights: words are the users, context words the
    items. AdaGrad keeps one step for each vector, and not for each of its elements.

    Parameters
    ----------
    n_components : int, default=64
        Length of the vectors.
    n_epochs : int, default=20
    learning_rate : float, default=0.1
        Step size.
    window : int, default=5
        How many words apart a pair may be, at most 20. A pair at distance d counts 1/d.
    min_count : int, default=5
        Words that occur less often are left out.
    x_max : float, default=10
        Count from which pairs weigh the same. 10 suits some millions of words; GloVe's 100 some
        billions.
    alpha : float, default=0.75
    init_scale : float, default=0.05
        Vectors start uniform in (-init_scale, init_scale).
    schedule : {"adagrad", "decay", "constant", "inverse"}, default="adagrad"
        As in `MatrixFactorization`.
    decay : float, default=0.85
    dtype : {"float32", "float64"}, default="float32"
    order, engine, n_jobs, random_state
        As in `MatrixFactorization`. The result depends on `order` and `random_state` only.

    Attributes
    ----------
    vectors_ : array, shape (n_words, n_components)
        Sum of the word's vector as word and as context, as GloVe does.
    vocabulary_ : dict
        Row of each word.
    n_pairs_ : int
        Number of pairs that were trained on.
    digest_ : str
        sha256 over all trained arrays.
    engine_, engine_reason_, n_workers_, seed_, history_
        As in `MatrixFactorization`; ``loss`` is the root of the weighted mean squared error.
    model_ : FactorizationModel
        Word vectors as ``user_factors``, context vectors as ``item_factors``, and biases.
    """

    def __init__(
        self,
        n_components: int = 64,
        n_epochs: int = 20,
        learning_rate: float = 0.1,
        *,
        window: int = 5,
        min_count: int = 5,
        x_max: float = 10.0,
        alpha: float = 0.75,
        init_scale: float = 0.05,
        schedule: str = "adagrad",
        decay: float = 0.85,
        dtype: str = "float32",
        order: Any = "blocked",
        engine: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_components = n_components
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.window = window
        self.min_count = min_count
        self.x_max = x_max
        self.alpha = alpha
        self.init_scale = init_scale
        self.schedule = schedule
        self.decay = decay
        self.dtype = dtype
        self.order = order
        self.engine = engine
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        vocabulary: Sequence[Any] | None = None,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> WordEmbedding:
        """Train from the start.

        Parameters
        ----------
        X : iterable of str, or sparse matrix (n_words, n_words)
            Texts; or counts of pairs, of which zeros do not take part.
        y : ignored
        vocabulary : sequence, optional
            The word of each row of a matrix; by default 0, 1, ….
        on_epoch : callable, optional
            Called with each epoch's `EpochRecord`.
        callbacks : sequence of Callback
            Such as `serialeq.RunRecorder`.
        """
        parameters = self._parameters()
        words, counts = self._counts(X, vocabulary)
        entries, weights = self._entries(counts)
        model = fit_factorization(
            parameters,
            entries,
            n_epochs=self.n_epochs,
            on_epoch=on_epoch,
            weights=weights,
            callbacks=callbacks,
        )
        self._take(model, words, int(weights.size))
        tell_model(callbacks, self)
        return self

    def _take(self, model: FactorizationModel, words: Sequence[Any], n_pairs: int) -> None:
        self.model_ = model
        self.vocabulary_ = {word: row for row, word in enumerate(words)}
        self.vectors_ = model.trained["user_factors"] + model.trained["item_factors"]
        self.n_pairs_ = n_pairs
        self.digest_ = model.digest
        self.engine_, self.engine_reason_ = model.engine, model.engine_reason
        self.n_workers_, self.history_ = model.n_workers, model.history

    def _describe(self) -> Described:
        others = {"vocabulary": pack_words(list(self.vocabulary_))}
        arrays, about = describe(
            "embedding", self, parameters_of(self), self.model_.trained, others
        )
        return arrays, about | {"pairs": self.n_pairs_}

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> WordEmbedding:
        trained = {name: arrays[name] for name in about["trained"]}
        model = FactorizationModel(trained, float(trained["mean"][0]), history=list(history))
        words = unpack_words(arrays["vocabulary"])
        if len(words) != model.shape[0]:
            raise DataError(f"model: expected {model.shape[0]} words, got {len(words)}")
        estimator = remade(cls, about)
        estimator._take(model, words, about["pairs"])
        return estimator

    def problem(self, counts: Any) -> Factorization:
        """Return the problem for a matrix of counts at its starting point, as `fit` trains it."""
        parameters = self._parameters()
        entries, weights = self._entries(check_counts(counts))
        return parameters.problem(entries, weights=weights)

    def most_similar(self, word: Any, n: int = 10) -> list[tuple[Any, float]]:
        """Return the `n` words with the most similar vectors, and the cosines.

        Raises
        ------
        DataError
            If the word is not in the vocabulary.
        """
        check_is_fitted(self, "model_")
        return nearest(self.vectors_, list(self.vocabulary_), self.vocabulary_, word, n)

    def _counts(self, X: Any, vocabulary: Any) -> tuple[list[Any], Any]:
        if not sp.issparse(X):
            if isinstance(X, str) or not hasattr(X, "__iter__"):
                raise DataError(f"X: expected texts or a sparse matrix, got {shown(X)}")
            if vocabulary is not None:
                raise DataError("vocabulary: expected none with texts")
            words, counts = count_pairs(X, int(self.window), int(self.min_count))
            return words.tolist(), counts
        counts = check_counts(X)
        given = list(range(counts.shape[0]) if vocabulary is None else vocabulary)
        if len(given) != counts.shape[0] or len(set(given)) != len(given):
            raise DataError(
                f"vocabulary: expected {counts.shape[0]} different words, one for each row of X, "
                f"got {len(given)}, {len(set(given))} of them different"
            )
        return given, counts

    def _entries(self, counts: Any) -> tuple[Entries, np.ndarray]:
        """Return what is factorised, and the weights."""
        if counts.nnz >= LIMIT:
            raise DataError(f"X: expected up to {LIMIT - 1} pairs, got {counts.nnz}")
        targets, weights = (np.empty(counts.nnz, dtype=self.dtype) for _ in range(2))
        targets_and_weights(counts.data, float(self.x_max), float(self.alpha), targets, weights)
        if not weights.any():
            raise SerialeqError(
                f"x_max: expected pairs that weigh more than 0 in {self.dtype}, got none with "
                f"x_max={self.x_max!r} and alpha={self.alpha!r}"
            )
        rows = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.indptr))
        return (rows, counts.indices.astype(np.int32), targets, counts.shape), weights

    def _parameters(self) -> FactorizationParameters:
        """Return the checked parameters, with a new seed if the state is random."""
        check_number("n_components", self.n_components, 1, integer=True)
        check_number("min_count", self.min_count, 1, integer=True)
        check_number("window", self.window, 1, integer=True)
        if self.window > LARGEST_WINDOW:
            raise SerialeqError(f"window: expected at most {LARGEST_WINDOW}, got {self.window}")
        check_number("x_max", self.x_max, 1e-9)
        check_number("alpha", self.alpha, 0)
        state = self.random_state
        if isinstance(state, Integral):
            self.seed_ = int(state)
        else:
            self.seed_ = int(check_random_state(state).randint(1 << 31))
        parameters = FactorizationParameters(
            n_factors=self.n_components,
            n_epochs=self.n_epochs,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            decay=self.decay,
            l2=0.0,
            init_scale=self.init_scale,
            dtype=self.dtype,
            order=self.order,
            engine=self.engine,
            n_jobs=self.n_jobs,
            seed=self.seed_,
        )
        parameters.check()
        return parameters


def nearest(
    vectors: np.ndarray, words: Sequence[Any], rows: dict[Any, int], word: Any, n: int
) -> list[tuple[Any, float]]:
    """Return the `n` words nearest to `word` by cosine, without itself; see `most_similar`."""
    check_number("n", n, 1, integer=True)
    if word not in rows:
        raise DataError(f"word: expected a word of the vocabulary, got {word!r}")
    own = vectors[rows[word]]
    products, squares = np.zeros(len(words)), np.zeros(len(words))
    for k in range(vectors.shape[1]):  # one order of summation on every machine
        column = vectors[:, k].astype(np.float64)
        products += column * float(own[k])
        squares += column * column
    lengths = np.sqrt(squares)
    with np.errstate(invalid="ignore", divide="ignore"):  # a vector may be 0
        cosines = products / (lengths * lengths[rows[word]])
    cosines[np.isnan(cosines)] = 0.0
    best = np.argsort(-cosines, kind="stable")
    best = best[best != rows[word]][:n]
    return [(words[i], float(cosines[i])) for i in best]
