"""The historical methods of `lecture.baselines` on real texts: a regression, and PageRank."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.texts import LabelledSplit
from lecture.baselines.compare import methods, run_methods
from lecture.baselines.fixed_point import PageRank
from lecture.ridge import SparseRidge
from serialeq.cli.report import notices, print_table
from serialeq.training.fit import fit

L2 = 1e-5
STEP, DECAY = 0.3, 0.9
SEED = 0


def measure(split: LabelledSplit, jobs: int, epochs: int) -> dict[str, Any]:
    """Train with every method on the labels, in the same orders, and rank words and texts."""
    ridge = SparseRidge(split.X_train, split.y_train, L2)
    notices.print("minimum of the objective, by conjugate gradients")
    least = ridge.objective(ridge.optimum)
    rows = []
    for method in methods(ridge, STEP, DECAY, seed=SEED):
        notices.print(f"{method.name}: {epochs} epochs")
        (outcome,) = run_methods(ridge, [method], epochs, jobs, SEED)
        rows.append(
            {
                "method": outcome.method,
                "source": outcome.source,
                "run": outcome.kind,
                "seconds": outcome.seconds,
                "excess": outcome.excess,
                "accuracy": accuracy(split, outcome.weights),
                "digest": outcome.digest,
            }
        )
    return {
        "minimum": least,
        "accuracy": accuracy(split, ridge.optimum),
        "rows": rows,
        "page_rank": rank_pages(links_of(split.X_train), jobs, epochs),
    }


def accuracy(split: LabelledSplit, weights: np.ndarray) -> float:
    """Return the share of held-out examples on the right side."""
    return float(np.mean(np.where(split.X_test @ weights > 0, 1.0, -1.0) == split.y_test))


def links_of(X: Any) -> Any:
    """Return the graph of texts and words: a text and each of its words link to each other."""
    used = sp.csr_array(X)
    used = used[np.diff(used.indptr) > 0]
    used = used[:, np.bincount(used.indices, minlength=used.shape[1]) > 0]
    return sp.csr_array(sp.block_array([[None, used], [used.T, None]]))


def rank_pages(links: Any, jobs: int, epochs: int) -> list[dict[str, Any]]:
    """Return a row for each engine: what a further sweep would change, after each."""
    rows = []
    for engine in ("serial", "dataflow", "hogwild"):
        notices.print(f"PageRank, {engine}: {epochs} sweeps")
        fitted = fit(PageRank(links), n_epochs=epochs, engine=engine, n_jobs=jobs, seed=SEED)
        rows.append(
            {
                "engine": engine,
                "pages": links.shape[0],
                "links": links.nnz,
                "left": [record.loss for record in fitted.history],
                "digest": fitted.digest,
            }
        )
    return rows


def show(content: dict[str, Any]) -> None:
    """Print both tables."""
    print_table(
        f"{content['data']}. Ridge regression on the labels; objective above its minimum "
        f"{content['minimum']:.6f}, whose held-out accuracy is {content['accuracy']:.4f}.",
        ["method", "source", "run", "ms/epoch", "first epoch", "at the end", "accuracy", "digest"],
        [
            [
                row["method"],
                row["source"],
                row["run"],
                f"{1e3 * row['seconds']:.1f}",
                f"{row['excess'][0]:.3g}",
                f"{row['excess'][-1]:.3g}",
                f"{row['accuracy']:.4f}",
                row["digest"][:12],
            ]
            for row in content["rows"]
        ],
    )
    pages = content["page_rank"]
    print_table(
        f"PageRank of {pages[0]['pages']:,} texts and words, {pages[0]['links']:,} links: what a "
        "further sweep would change",
        ["engine", "first sweep", "at the end", "digest"],
        [
            [row["engine"], f"{row['left'][0]:.3g}", f"{row['left'][-1]:.3g}", row["digest"][:12]]
            for row in pages
        ],
    )
