"""An estimator of every kind, with data and what its model says of them."""

import numpy as np
import scipy.sparse as sp

from serialeq import (
    DropoutMLPClassifier,
    LinearClassifier,
    LinearRegressor,
    MatrixFactorization,
    MultiwayCut,
    TopicModel,
    WordEmbedding,
    generate_ratings,
)
from serialeq.problems.example_rows import example_rows

RATINGS = generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
X, SIGNS = example_rows()
LABELS = np.where(SIGNS[:, 0] > 0, "ham", "spam")
THREE = np.arange(240) % 3
IMAGE = (np.arange(400).reshape(20, 20) % 20 > 9).astype(float)
SEEDS = np.full((20, 20), -1)
SEEDS[0, 0], SEEDS[-1, -1] = 3, 7
COUNTS = sp.csr_array((X.T @ X) > 0, dtype=float) * 3


def linear(kind=LinearClassifier, **options):
    return lambda: kind(max_iter=4, tol=None, n_jobs=1, **options)


# name: (make, what fit is given, what the model says of it)
ESTIMATORS = {
    "mf": (
        lambda: MatrixFactorization(4, 4, schedule="adagrad", order="reshuffled", n_jobs=1),
        (RATINGS,), lambda e: (e.predict([0, 5], [1, 2]), e.recommend(3)[0]),
    ),
    "mf pair": (lambda: MatrixFactorization(4, 4, l2=(0.1, np.float32(0.2)), n_jobs=1),
                (RATINGS,), lambda e: e.predict([0], [1])),
    "binary": (linear(loss="log_loss"), (X, LABELS), lambda e: (e.predict(X), e.predict_proba(X))),
    "weighted": (linear(class_weight={"ham": 2, "spam": 1}, random_state=None, warm_start=True),
                 (X, LABELS.astype(object)), lambda e: e.decision_function(X)),
    "average": (linear(loss="log_loss", average=True), (X, THREE), lambda e: e.predict_proba(X)),
    "multilabel": (linear(), (X, np.eye(3, dtype=int)[THREE]), lambda e: e.predict(X)),
    "minibatch": (linear(engine="minibatch", batch_size=16), (X, LABELS), lambda e: e.predict(X)),
    "bits": (linear(lattice_bits=(8, 20)), (X, LABELS), lambda e: e.decision_function(X)),
    "regression": (linear(LinearRegressor), (X, SIGNS[:, 0]), lambda e: e.predict(X)),
    "cut": (lambda: MultiwayCut(4, n_jobs=1), (IMAGE, SEEDS), lambda e: (e.labels_, e.shares_)),
    "embed": (lambda: WordEmbedding(8, 4, n_jobs=1), (COUNTS,), lambda e: e.most_similar(3)),
    "topics": (lambda: TopicModel(4, 4, n_jobs=1), (X,), lambda e: e.transform(X)),
    "network": (lambda: DropoutMLPClassifier(32, n_groups=4, n_kept=2, max_iter=4, n_jobs=1),
                (X, LABELS), lambda e: (e.predict(X), e.predict_proba(X))),
    "network of 3": (lambda: DropoutMLPClassifier(32, n_groups=4, n_kept=1, max_iter=4, n_jobs=1,
                                                  masks="independent", random_state=None),
                     (X, THREE), lambda e: e.decision_function(X)),
}  # fmt: skip
