# ruff: noqa: D101, D102, F401
"""scikit-learn's base classes, with types: it has none, and constructors would take any keyword."""

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **parameters: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...

    class ClassifierMixin:
        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...

    class RegressorMixin(ClassifierMixin): ...

    class ClusterMixin: ...

    class TransformerMixin:
        def fit_transform(self, X: Any, y: Any = None, **options: Any) -> Any: ...

    class ClassNamePrefixFeaturesOutMixin: ...
else:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        ClusterMixin,
        RegressorMixin,
        TransformerMixin,
    )  # fmt: skip
