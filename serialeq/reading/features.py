"""Features of texts that can be made again: vectorisers as arrays and parameters, no pickles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serialeq.errors import DataError

KINDS = ("tfidf", "hashing")
# Written out, so that a model stays the same should scikit-learn's defaults change.
_WORDS: dict[str, Any] = {"lowercase": True, "token_pattern": r"(?u)\b\w\w+\b", "norm": "l2"}
_TFIDF: dict[str, Any] = {"use_idf": True, "smooth_idf": True, "sublinear_tf": False}


def describe_features(vectoriser: TextFeatures | None, zero_based: bool) -> dict[str, Any]:
    """Return what rows of features were made from, for a model's description."""
    if vectoriser is None:
        return {"kind": "svmlight", "zero_based": zero_based}
    return {"kind": vectoriser.kind, "parameters": vectoriser.parameters}


class TextFeatures:
    """A TfidfVectorizer, or a HashingVectorizer.

    Parameters
    ----------
    kind : {"tfidf", "hashing"}
    parameters : dict
        Of scikit-learn's vectoriser.
    """

    def __init__(self, kind: str, parameters: dict[str, Any]) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

        self.kind, self.parameters = kind, parameters
        maker = TfidfVectorizer if kind == "tfidf" else HashingVectorizer
        self._vectoriser = maker(**parameters)

    @classmethod
    def make(cls, kind: str, n_hashed: int) -> TextFeatures:
        """Return a vectoriser that has not seen texts yet."""
        if kind == "tfidf":
            return cls(kind, _WORDS | _TFIDF)
        return cls(kind, _WORDS | {"n_features": n_hashed, "alternate_sign": True})

    @classmethod
    def of_words(cls, without_stop_words: bool, min_documents: int) -> TextFeatures:
        """Return tf-idf of words that are in `min_documents` texts at least, for topics."""
        stop_words = "english" if without_stop_words else None
        return cls("tfidf", _WORDS | _TFIDF | {"stop_words": stop_words, "min_df": min_documents})

    def words(self) -> list[str]:
        """Return the word of each column of tf-idf."""
        return [str(word) for word in self._vectoriser.get_feature_names_out()]

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn the vocabulary and return the CSR matrix of the texts."""
        try:
            return self._vectoriser.fit_transform(texts)
        except ValueError as error:
            raise DataError(f"text: {error}") from error

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the CSR matrix of the texts."""
        return self._vectoriser.transform(texts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was learned from texts: the words, a line each in UTF-8, and their idf."""
        if self.kind == "hashing":
            return {}
        words = "\n".join(self.words())
        return {
            "vocabulary": np.frombuffer(words.encode(), dtype=np.uint8),
            "idf": np.asarray(self._vectoriser.idf_),
        }


def restore_features(
    arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]
) -> TextFeatures | None:
    """Return the vectoriser of texts that a model holds, if it does; DataError if it is broken."""
    try:
        described = about.get("features") or {"kind": "svmlight"}
        kind = described["kind"]
        if kind == "svmlight":
            return None
        parameters = described["parameters"]
        if kind not in KINDS:
            raise ValueError(f"features among {', '.join(KINDS)}, got {kind!r}")
        if kind == "hashing":
            return TextFeatures(kind, parameters)
        words = arrays["vocabulary"].tobytes().decode().split("\n")
        features = TextFeatures(
            kind, parameters | {"vocabulary": {w: i for i, w in enumerate(words)}}
        )
        features.parameters = parameters
        features._vectoriser.idf_ = arrays["idf"]
        return features
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"model: expected whole features, got: {error!r}") from error
