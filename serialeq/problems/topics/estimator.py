"""`TopicModel`: non-negative factorisation of a document-word matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from serialeq.errors import DataError
from serialeq.native.incidence import LIMIT
from serialeq.native.random import stream_key
from serialeq.native.sums import sequential_mean
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.problems.mf.parameters import FactorizationParameters
from serialeq.problems.mf.problem import Entries, Factorization
from serialeq.training.callbacks import Callback, EpochFunction
from serialeq.training.estimator import Estimator
from serialeq.training.parameters import Whole
from serialeq.training.scikit import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from .kernel import fold_in_worker, gram_of, sample_zeros
from .parameters import TopicParameters

_LARGEST_MEAN = 1e18  # of the entries, as it is squared; and the inverse of the least


class TopicModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator, TopicParameters):
    """Topics by non-negative matrix factorisation (Lee, Seung, Nature 1999), trained by SGD.

    ``X ≈ W components_`` with W and components_ not negative, over all entries that X stores and
    over *sampled zeros*: for each stored entry, `n_zeros` words are drawn as often as documents
    contain them, and those that the document does not contain count as zeros. They are drawn
    once, as a function of X and the seed. To train on stored entries alone would make all
    words of a topic alike; to train on all zeros would take as long as a dense matrix.

    It is `MatrixFactorization` without biases, with `nonnegative`, on documents and words.

    Attributes
    ----------
    components_ : array, shape (n_components, n_words)
        Weights of the words in each topic; 0 for words that no document contains.
    word_frequencies_ : array, shape (n_words,)
        Part of the stored entries that each word has; they sum to 1.
    n_features_in_ : int
    digest_, engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`; ``loss`` is the RMSE on stored entries and
        sampled zeros, in units of the mean entry.
    """

    kind = "topics"

    def fit(
        self, X: Any, y: Any = None, *, callbacks: Sequence[Callback | EpochFunction] = ()
    ) -> Self:
        """Train from the start.

        Parameters
        ----------
        X : sparse matrix or array, shape (n_documents, n_words)
            Counts or tf-idf, not negative.
        y : ignored
        callbacks : as in `serialeq.fit`
        """
        self._begin()
        documents = self._documents(X, reset=True)
        problem, scale = self._factorization(documents)
        fitted = self._train(problem, self._epochs(), callbacks=callbacks)
        counts = np.bincount(documents.indices, minlength=documents.shape[1])
        components = fitted.trained["item_factors"].T * problem.dtype.type(scale)
        components[:, counts == 0] = 0.0
        self._take(
            {"components": components},
            {"word_frequencies": counts / documents.nnz},
            {"penalty": float(self.l2) * scale * scale},
        )
        return self._end(callbacks)

    def _problem(self, X: Any) -> Factorization:
        return self._factorization(self._documents(X, reset=True))[0]

    def _take(self, trained: dict[str, np.ndarray], others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.components_ = trained["components"]
        self.word_frequencies_ = others["word_frequencies"]
        self.n_features_in_ = self.components_.shape[1]
        self._penalty = float(facts["penalty"])

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
        Whole(1)("n", n)
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

    def _factorization(self, documents: sp.csr_array) -> tuple[Factorization, float]:
        entries, scale = self._entries(documents)
        parameters = FactorizationParameters.of(
            self, n_factors=self.n_components, bias="none", nonnegative=True
        )
        return Factorization(entries, parameters, seed=self.seed_), scale

    def _entries(self, documents: sp.csr_array) -> tuple[Entries, float]:
        """Return stored entries and sampled zeros, and what the entries were divided by."""
        if not documents.nnz:
            raise DataError("X: expected entries above 0, got none")
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
        rows = np.concatenate([stored, zeros[0]])
        columns = np.concatenate([documents.indices, zeros[1]])
        values = np.zeros(rows.size, dtype=self.dtype)
        values[: documents.nnz] = documents.data / scale
        return Entries(rows, columns, values, documents.shape), scale
