"""The kinds of problems: the one place of the package that names them.

Others register with an entry point of the group ``serialeq.problems`` that is a `Kind`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cut.estimator import MultiwayCut
    from .embed.estimator import WordEmbedding
    from .linear.estimator import LinearClassifier, LinearRegressor
    from .mf.estimator import MatrixFactorization
    from .mf.ratings import Ratings, generate_ratings
    from .mf.reading import read_ratings
    from .network.estimator import DropoutMLPClassifier
    from .topics.estimator import TopicModel

__all__ = ["DropoutMLPClassifier", "LinearClassifier", "LinearRegressor", "MatrixFactorization",
           "MultiwayCut", "Ratings", "TopicModel", "WordEmbedding", "generate_ratings",
           "read_ratings"]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of problem: names and data, never behaviour. ``module:name`` is imported when used.

    Attributes
    ----------
    word, summary : str
        Its one name, of command, manifests, models, benchmarks, golden digests; a line of help.
    estimators : tuple of str
        ``module:name`` of each class (`serialeq.training.estimator.Estimator`); the command line
        takes the first, unless its options ask for another.
    command : str
        ``module:name`` of the class (`serialeq.problems.command.Command`) that reads its files.
    example : str
        ``module:name`` of a function of n: a small problem, n times as large.
    golden : str
        Digest of three serial epochs of the example (`serialeq.testing.golden_digest`).
    arrays : tuple of str
        What a whole model holds besides what its digest covers.
    formerly : str
        What format 1 calls it.
    others : tuple of str
        ``module:name`` of what else of it is public.
    """

    word: str
    summary: str
    estimators: tuple[str, ...]
    command: str
    example: str
    golden: str = ""
    arrays: tuple[str, ...] = ()
    formerly: str = ""
    others: tuple[str, ...] = ()


def _own(word: str, summary: str, *estimators: str, **more: Any) -> Kind:
    home = f"{__package__}.{word}"
    types = tuple(f"{home}.estimator:{name}" for name in estimators)
    return Kind(word, summary, types, f"{home}.command:Command", f"{home}.example:example", **more)


OWN = (
    _own("mf", "Factorise a matrix of ratings.", "MatrixFactorization",
         arrays=("user_ids", "item_ids"), formerly="ratings",
         others=tuple(f"{__package__}.mf.{name}" for name in (
             "ratings:Ratings", "ratings:generate_ratings", "reading:read_ratings")),
         golden="b5c6fa3fb0d71f67cf6886a6a501e4d45ff7a036b29f54d46a548d9eace8239c"),
    _own("linear", "Train a linear classifier, or a regression.",
         "LinearClassifier", "LinearRegressor",
         golden="ad110e5e613622d9c436289e0650586c36e4a9d13b8b4c2b7f894b3ef591e3b2"),
    _own("cut", "Cut an image, a volume or a graph into parts around seeds.", "MultiwayCut",
         arrays=("labels", "classes"),
         golden="1728f291fc785fd5a6fea956343ac0885f37f2197d421047ab04e430052eb18a"),
    _own("embed", "Learn word vectors from texts (GloVe).", "WordEmbedding",
         arrays=("vocabulary",), formerly="embedding",
         golden="cf9029fadb83139bd8326872e75278edf68bb91d1dfc736e1e255ece17d148d7"),
    _own("topics", "Find the topics of texts.", "TopicModel", arrays=("word_frequencies",),
         golden="c2c913bfcaf41b5ac732934c44e4076a4ba797a89bb3d4a2f29315543827372e"),
    _own("network", "Train a classifier with one hidden layer by sparsified backprop (dropout).",
         "DropoutMLPClassifier", arrays=("classes",),
         golden="21a6fd5944c91bf89d80e1f85ce83729b707311fabc782fe9ef98dc6f90667e7"),
)  # fmt: skip


@cache
def kinds() -> dict[str, Kind]:
    """Return all registered kinds by their words; a warning tells of what is none."""
    from importlib.metadata import entry_points

    found = {kind.word: kind for kind in OWN}
    for entry in entry_points(group="serialeq.problems"):
        try:
            kind = entry.load()
            if found.setdefault(kind.word, kind) is not kind:
                raise ImportError(f"another kind {kind.word!r}")
        except (ImportError, AttributeError) as error:
            warnings.warn(f"{entry.value}: expected a kind of problem, got: {error}", stacklevel=2)
    return found


def imported(place: str) -> Any:
    """Return what ``module:name`` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def places(named: Iterable[Kind]) -> dict[str, str]:
    """Return where each estimator, and what else of the kinds is public, is, by its name."""
    found = (place for kind in named for place in (*kind.estimators, *kind.others))
    return {place.partition(":")[2]: place for place in found}
