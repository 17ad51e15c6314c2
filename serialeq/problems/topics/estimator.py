"""`TopicModel`: non-negative factorisation of a document-word matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from serialeq.digest import digest_arrays
from serialeq.errors import DataError
from serialeq.native.incidence import LIMIT
from serialeq.native.random import stream_key
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.problems.mf.kernel import sequential_mean
from serialeq.problems.mf.training import (
    Entries,
    FactorizationParameters,
    check_number,
    fit_factorization,
)
from serialeq.training.callbacks import Callback
from serialeq.training.saving import Described, describe, parameters_of, remade, tell_model
from serialeq.training.trainer import EpochRecord

from .kernel import fold_in_worker, gram_of, sample_zeros

_LARGEST_MEAN = 1e18  # of the entries, as it is squared; and the inverse of the least


class TopicModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Topics by non-negative matrix factorisation (Lee, Seung, Nature 1999), trained by SGD.

    ``X ≈ W components_`` with W and components_ not negative, over all entries that X stores and
    over *sampled zeros*: for each stored entry, `n_zeros` words are drawn as often as documents
    contain them, and those that the document does not contain count as zeros. They are drawn
    once, as a function of X and the seed. To train on stored entries alone would make all
    words of a topic alike; to train on all zeros would take as long as a dense matrix.

    It is `MatrixFactorization` without biases, with `nonnegative`, on documents and words.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics.
    n_epochs : int, default=20
    learning_rate : float, default=0.1
        Step size; the entries are divided by their mean first, so it suits counts and tf-idf.
    n_zeros : int, default=10
        Zeros drawn for each stored entry.
    l2 : float, default=0.01
        Penalty of documents' and words' factors, for each entry, in units of the mean entry.
    schedule : {"adagrad", "decay", "constant", "inverse"}, default="adagrad"
    decay, dtype, order, engine, n_jobs, random_state
        As in `MatrixFactorization`. The result does not depend on `engine` and `n_jobs`.

    Attributes
    ----------
    components_ : array, shape (n_components, n_words)
        Weights of the words in each topic; 0 for words that no document contains.
    word_frequencies_ : array, shape (n_words,)
        Part of the stored entries that each word has; they sum to 1.
    n_features_in_ : int
    digest_ : str
        sha256 over `components_`.
    engine_, engine_reason_, n_workers_, seed_, history_
        As in `MatrixFactorization`; ``loss`` is the RMSE on stored entries and sampled zeros, in
        units of the mean entry.
    """

    def __init__(
        self,
        n_components: int = 10,
        n_epochs: int = 20,
        learning_rate: float = 0.1,
        *,
        n_zeros: int = 10,
        l2: float = 0.01,
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
        self.n_zeros = n_zeros
        self.l2 = l2
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
        on_epoch: Callable[[EpochRecord], None] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> TopicModel:
        """Train from the start.

        Parameters
        ----------
        X : sparse matrix or array, shape (n_documents, n_words)
            Counts or tf-idf, not negative.
        y : ignored
        on_epoch : callable, optional
            Called with each epoch's `EpochRecord`.
        callbacks : sequence of Callback
            Such as `serialeq.RunRecorder`.
        """
        parameters = self._parameters()
        documents = self._documents(X, reset=True)
        if not documents.nnz:
            raise DataError("X: expected entries above 0, got none")
        entries, scale = self._entries(documents)
        model = fit_factorization(
            parameters, entries, n_epochs=self.n_epochs, on_epoch=on_epoch, callbacks=callbacks
        )
        counts = np.bincount(documents.indices, minlength=documents.shape[1])
        self.word_frequencies_ = counts / documents.nnz
        self.components_ = model.trained["item_factors"].T * entries[2].dtype.type(scale)
        self.components_[:, counts == 0] = 0.0
        self._penalty = float(self.l2) * scale * scale
        self.digest_ = digest_arrays({"components": self.components_})
        self.engine_, self.engine_reason_ = model.engine, model.engine_reason
        self.n_workers_, self.history_ = model.n_workers, model.history
        tell_model(callbacks, self)
        return self

    def _describe(self) -> Described:
        trained = {"components": self.components_}
        others = {"word_frequencies": self.word_frequencies_}
        arrays, about = describe("topics", self, parameters_of(self), trained, others)
        return arrays, about | {"penalty": self._penalty}

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> TopicModel:
        estimator = remade(cls, about)
        estimator._penalty, estimator.digest_ = about["penalty"], about["digest"]
        estimator.components_ = arrays["components"]
        estimator.word_frequencies_ = arrays["word_frequencies"]
        estimator.n_features_in_ = estimator.components_.shape[1]
        estimator.history_ = list(history)
        return estimator

    def transform(self, X: Any) -> np.ndarray:
        """Return the weights of the topics in each document, float64 (n_documents, n_components).

        The weights minimise what `fit` does, for the topics found, with the expectation of the
        sampled zeros in their place. So they are the same for a document in whatever matrix.
        """
        check_is_fitted(self, "components_")
        documents = self._documents(X, reset=False)
        words = np.ascontiguousarray(self.components_.T, dtype=np.float64)
        result = np.zeros((documents.shape[0], words.shape[1]))
        expected = gram_of(words, self.word_frequencies_)
        with WorkerTeam(min(count_workers(self.n_jobs), available_cores())) as team:
            team.run(
                fold_in_worker, team.n_threads, documents.indptr, documents.indices,
                documents.data, words, expected, self.word_frequencies_, float(self.n_zeros),
                self._penalty, result, team.stop_flag,
            )  # fmt: skip
        return result

    def top_words(self, names: Sequence[str], n: int = 10) -> list[list[str]]:
        """Return the `n` words that matter most to each topic, given the name of each column.

        They are ordered by ``components_ * sqrt(word_frequencies_)``: by what a word adds to the
        squares of the topic's part of X. By `components_` alone, rare words come first.
        """
        check_is_fitted(self, "components_")
        check_number("n", n, 1, integer=True)
        if len(names) != self.n_features_in_:
            raise DataError(f"names: expected {self.n_features_in_} words, got {len(names)}")
        weights = self.components_ * np.sqrt(self.word_frequencies_)
        order = np.argsort(-weights, axis=1, kind="stable")[:, :n]
        return [
            [str(names[v]) for v in row if self.components_[k, v] > 0]
            for k, row in enumerate(order)
        ]

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def _documents(self, X: Any, reset: bool) -> sp.csr_array:
        """Return X as canonical CSR of float64 without stored zeros."""
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=reset)
        check_non_negative(X, "TopicModel")
        documents = sp.csr_array(X, copy=sp.issparse(X))
        documents.sum_duplicates()
        documents.eliminate_zeros()
        documents.indptr = documents.indptr.astype(np.int64)
        documents.indices = documents.indices.astype(np.int32)
        return documents

    def _entries(self, documents: sp.csr_array) -> tuple[Entries, float]:
        """Return stored entries and sampled zeros, and what the entries were divided by."""
        n_entries = documents.nnz * (1 + int(self.n_zeros))
        if n_entries >= LIMIT:
            raise DataError(
                f"n_zeros: expected up to {LIMIT - 1} entries and zeros together, got {n_entries}"
            )
        scale = float(sequential_mean(documents.data))
        if not 1 / _LARGEST_MEAN <= scale <= _LARGEST_MEAN:
            raise DataError(
                f"X: expected entries with a mean from {1 / _LARGEST_MEAN:g} to "
                f"{_LARGEST_MEAN:g}, got {scale:g}; multiply X by a number"
            )
        key = stream_key(self.seed_, "zeros")
        zeros = sample_zeros(documents.indptr, documents.indices, int(self.n_zeros), key)
        stored = np.repeat(np.arange(documents.shape[0], dtype=np.int32), np.diff(documents.indptr))
        values = np.zeros(documents.nnz + zeros[0].size, dtype=self.dtype)
        values[: documents.nnz] = documents.data / scale
        rows = np.concatenate([stored, zeros[0]])
        columns = np.concatenate([documents.indices, zeros[1]])
        return (rows, columns, values, documents.shape), scale

    def _parameters(self) -> FactorizationParameters:
        """Return the checked parameters, with a new seed if the state is random."""
        check_number("n_components", self.n_components, 1, integer=True)
        check_number("n_zeros", self.n_zeros, 0, integer=True)
        check_number("l2", self.l2, 0)
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
            l2=self.l2,
            bias="none",
            nonnegative=True,
            dtype=self.dtype,
            order=self.order,
            engine=self.engine,
            n_jobs=self.n_jobs,
            seed=self.seed_,
        )
        parameters.check()
        return parameters
