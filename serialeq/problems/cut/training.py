"""Graph cuts from an image or a graph, and seeds, to labels with a digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.digest import digest_arrays
from serialeq.engines.auto import check_engine
from serialeq.errors import DataError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.problems.mf.training import check_number
from serialeq.training.callbacks import Callback
from serialeq.training.session import OrderSource, Session, check_order
from serialeq.training.trainer import EpochRecord, train

from .graphs import Graph, grid_graph, matrix_graph
from .problem import UNKNOWN, GraphCut


@dataclass(frozen=True)
class CutParameters:
    """Hyper-parameters; `serialeq.MultiwayCut` explains each."""

    n_epochs: int = 300
    learning_rate: float = 1.0
    decay: float = 0.98
    beta: float = 1.0
    order: Any = "blocked"
    engine: str = "auto"
    n_jobs: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise SerialeqError for the first parameter that is wrong."""
        check_engine(self.engine)
        if isinstance(self.order, str):
            check_order(self.order)
        count_workers(self.n_jobs)
        check_number("seed", self.seed, 0, integer=True)
        check_number("n_epochs", self.n_epochs, 0, integer=True)
        for name in ("learning_rate", "decay", "beta"):
            check_number(name, getattr(self, name), 0)

    def told(self) -> dict[str, Any]:
        """Return the parameters that make the model: not engine and workers."""
        told = {k: v for k, v in asdict(self).items() if k not in ("engine", "n_jobs")}
        return told if isinstance(self.order, str) else told | {"order": "given"}

    def graph(self, X: Any) -> Graph:
        """Return the graph of an image, a volume or a sparse matrix, checked."""
        return matrix_graph(X) if sp.issparse(X) else grid_graph(X, float(self.beta))

    def problem(self, graph: Graph, seeds: np.ndarray, n_labels: int) -> GraphCut:
        """Return the problem for checked seeds, at its starting point."""
        step, decay = float(self.learning_rate), float(self.decay)
        return GraphCut(graph, seeds, n_labels, step=step, decay=decay)


@dataclass(frozen=True, eq=False)
class CutModel:
    """A graph that has been cut.

    Attributes
    ----------
    trained : dict of arrays
        What the digest covers: "x".
    classes : array of int64, shape (K,)
        The labels.
    labels : array of int64, shape of the graph
        −1 where no seed is connected.
    cut_value : float
        Weight of the edges cut.
    n_unreached : int
        Nodes labelled −1.
    engine, engine_reason : str
    n_workers : int
    history : list of dict
        Per epoch: epoch, seconds, loss.
    """

    trained: dict[str, np.ndarray]
    classes: np.ndarray
    labels: np.ndarray
    cut_value: float
    n_unreached: int
    engine: str = ""
    engine_reason: str = ""
    n_workers: int = 1
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return digest_arrays(self.trained)


def check_seeds(seeds: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return classes (K,) and, for each node, the number of its seed's class, or −1 (flat).

    Raises
    ------
    DataError
        If there is not one integer of at least −1 for each node, or fewer than two labels.
    """
    seeds = np.asarray(seeds)
    if seeds.shape != shape or seeds.dtype.kind not in "iu":
        raise DataError(
            f"seeds: expected integers of shape {shape}, one for each node, got {seeds.dtype} of "
            f"shape {seeds.shape}"
        )
    if seeds.min() < UNKNOWN:
        place = tuple(int(i) for i in np.argwhere(seeds < UNKNOWN)[0])
        raise DataError(
            f"seeds: expected labels of at least 0, or -1 for no seed, got {seeds[place]} at "
            f"{place if len(place) > 1 else place[0]}"
        )
    flat = seeds.reshape(-1).astype(np.int64)
    classes = np.unique(flat)
    classes = classes[classes != UNKNOWN]
    if classes.size < 2:
        raise DataError(
            f"seeds: expected seeds of at least two labels, got {classes.size}"
            + (f" (label {classes[0]})" if classes.size else " (all are -1)")
        )
    numbers = np.searchsorted(classes, flat).astype(np.int32)
    numbers[flat == UNKNOWN] = UNKNOWN
    return classes, numbers


def unreached(graph: Graph, seeds: np.ndarray) -> np.ndarray:
    """Return (n_nodes,) bool: which nodes are connected to no seed."""
    if len(graph.shape) > 1:  # every edge of a grid has some weight
        return np.zeros(graph.n_nodes, dtype=bool)
    components = graph.components()
    reached = np.zeros(int(components.max()) + 1, dtype=bool)
    reached[components[seeds != UNKNOWN]] = True
    return ~reached[components]


def fit_cut(
    parameters: CutParameters,
    graph: Graph,
    seeds: Any,
    *,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    callbacks: Sequence[Callback] = (),
) -> CutModel:
    """Cut a graph around seeds.

    Raises
    ------
    DataError
        If the seeds do not fit the graph.
    SerialeqError
        For an order or engine that is unknown or not for this problem.
    """
    classes, numbers = check_seeds(seeds, graph.shape)
    problem = parameters.problem(graph, numbers, classes.size)
    asked_for = count_workers(parameters.n_jobs)
    n_workers = min(asked_for, available_cores())
    with WorkerTeam(n_workers) as team:
        orders = OrderSource(problem, parameters.order, parameters.seed, team)
        session = Session(problem, orders, parameters.engine, team)
        records = train(
            session,
            int(parameters.n_epochs),
            on_epoch=on_epoch,
            callbacks=callbacks,
            description={"problem": "MultiwayCut", "parameters": parameters.told()},
        )
    found, cut_value = problem.cut()
    labels = classes[found]
    lost = unreached(graph, numbers)
    labels[lost] = UNKNOWN
    reason = session.engine_reason
    if n_workers < asked_for:
        reason += f"; {asked_for} workers asked for, {n_workers} cores"
    return CutModel(
        trained=problem.trained(),
        classes=classes,
        labels=labels.reshape(graph.shape),
        cut_value=cut_value,
        n_unreached=int(lost.sum()),
        engine=session.engine.name if session.engine else parameters.engine,
        engine_reason=reason,
        n_workers=n_workers,
        history=[asdict(record) for record in records],
    )
