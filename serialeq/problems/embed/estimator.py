"""`WordEmbedding`: vectors of words from how often they occur near each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from serialeq.errors import DataError, SerialeqError
from serialeq.native.incidence import LIMIT
from serialeq.problems.mf.parameters import FactorizationParameters
from serialeq.problems.mf.problem import Entries, Factorization
from serialeq.reading.lines import shown
from serialeq.training.callbacks import Callback, EpochFunction
from serialeq.training.estimator import Estimator

from .cooccurrence import check_counts, count_pairs
from .kernel import targets_and_weights
from .parameters import EmbeddingParameters
from .words import nearest, pack_words, unpack_words


class WordEmbedding(Estimator, EmbeddingParameters):
    """GloVe: word vectors by weighted factorisation of the logarithms of co-occurrence counts.

    Minimises ``Σ f(x_ij) (w_i·c_j + a_i + b_j + mean − log x_ij)²`` over the pairs of words that
    occur near each other, with ``f(x) = min(1, x / x_max)**alpha`` (Pennington, Socher, Manning,
    EMNLP 2014). It is `MatrixFactorization` with weights: words are the users, context words the
    items. AdaGrad keeps one step for each vector, and not for each of its elements.

    Attributes
    ----------
    vectors_ : array, shape (n_words, n_components)
        Sum of the word's vector as word and as context, as GloVe does.
    vocabulary_ : dict
        Row of each word.
    n_pairs_ : int
        Number of pairs that were trained on.
    trained_ : dict of arrays
        Word vectors as ``user_factors``, context vectors as ``item_factors``, and biases.
    digest_, engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`; ``loss`` is the root of the weighted mean
        squared error.
    """

    kind = "embed"

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        vocabulary: Sequence[Any] | None = None,
        callbacks: Sequence[Callback | EpochFunction] = (),
    ) -> Self:
        """Train from the start.

        Parameters
        ----------
        X : iterable of str, or sparse matrix (n_words, n_words)
            Texts; or counts of pairs, of which zeros do not take part.
        y : ignored
        vocabulary : sequence, optional
            The word of each row of a matrix; by default 0, 1, ….
        callbacks : as in `serialeq.fit`
        """
        self._begin()
        words, counts = self._counts(X, vocabulary)
        fitted = self._train(self._factorization(counts), self._epochs(), callbacks=callbacks)
        self._take(fitted.trained, {"vocabulary": pack_words(words)}, {"pairs": int(counts.nnz)})
        return self._end(callbacks)

    def _problem(self, X: Any) -> Factorization:
        return self._factorization(self._counts(X)[1])

    def _take(self, trained: dict[str, np.ndarray], others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.vectors_ = trained["user_factors"] + trained["item_factors"]
        words = unpack_words(others["vocabulary"])
        if len(words) != len(self.vectors_):
            raise DataError(f"model: expected {len(self.vectors_)} words, got {len(words)}")
        self.vocabulary_ = {word: row for row, word in enumerate(words)}
        self.n_pairs_ = facts["pairs"]

    def most_similar(self, word: Any, n: int = 10) -> list[tuple[Any, float]]:
        """Return the `n` words with the most similar vectors, and the cosines.

        Raises
        ------
        DataError
            If the word is not in the vocabulary.
        """
        check_is_fitted(self, "trained_")
        if word not in self.vocabulary_:
            raise DataError(f"word: expected a word of the vocabulary, got {word!r}")
        return nearest(self.vectors_, list(self.vocabulary_), self.vocabulary_[word], n)

    def _counts(self, X: Any, vocabulary: Any = None) -> tuple[list[Any], Any]:
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

    def _factorization(self, counts: Any) -> Factorization:
        parameters = FactorizationParameters.of(self, n_factors=self.n_components, l2=0.0)
        return Factorization(self._entries(counts), parameters, seed=self.seed_)

    def _entries(self, counts: Any) -> Entries:
        if counts.nnz >= LIMIT:
            raise DataError(f"X: expected up to {LIMIT - 1} pairs, got {counts.nnz}")
        targets, weights = (np.empty(counts.nnz, dtype=self.dtype) for _ in range(2))
        targets_and_weights(counts.data, float(self.x_max), float(self.alpha), targets, weights)
        if not weights.any():
            raise SerialeqError(
                f"x_max: expected pairs that weigh more than 0 in {self.dtype}, got none with "
                f"x_max={self.x_max!r} and alpha={self.alpha!r}"
            )
        rows, columns = (side.astype(np.int32) for side in counts.tocoo(copy=False).coords)
        return Entries(rows, columns, targets, counts.shape, weights)
