"""Run the historical methods on one regression, from one starting point, with one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from lecture.ridge import SparseRidge
from serialeq.problem import Problem
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.training.fit import fit

from .averaging import ModelAveraging
from .coordinate import CoordinateDescent
from .delayed import DelayedSgd
from .downpour import Downpour
from .sgd import RidgeSgd
from .svrg import RidgeSvrg


@dataclass(frozen=True)
class Outcome:
    """What came of a method.

    Attributes
    ----------
    method, source : str
    kind : str
        "serial", "simulated" or "measured", and on how many workers.
    excess : list of float
        Objective above the minimum, after each epoch.
    seconds : float
        Of the updates of the median epoch.
    weights : array, shape (d,)
    digest : str
        Of the trained arrays: the same in every run of the same seed, unless `racing`.
    racing : bool
        It ran on Hogwild!.
    """

    method: str
    source: str
    kind: str
    excess: list[float]
    seconds: float
    weights: np.ndarray
    digest: str
    racing: bool


@dataclass(frozen=True)
class Method:
    """A method: what makes its problem, and the engine that runs it."""

    name: str
    source: str
    make: Callable[[], Problem]
    engine: str = "serial"
    simulated: int = 0


def methods(
    ridge: SparseRidge,
    step: float,
    decay: float,
    *,
    n_workers: int = 8,
    batch: int = 8,
    seed: int = 0,
) -> list[Method]:
    """Return the historical methods; `n_workers` are simulated, and so may be any number."""

    def sgd() -> Problem:
        return RidgeSgd(ridge, step, decay)

    def delayed(at_random: bool) -> Problem:
        return DelayedSgd(
            ridge, step, decay, tau=n_workers - 1, at_random=at_random, seed=seed
        )  # fmt: skip

    def averaging(every_epoch: bool) -> Problem:
        return ModelAveraging(
            ridge, step, decay, n_replicas=n_workers, every_epoch=every_epoch
        )  # fmt: skip

    return [
        Method("SGD", "Robbins, Monro 1951", sgd),
        Method(
            "late gradients", "Tsitsiklis, Bertsekas, Athans 1986", lambda: delayed(True),
            simulated=n_workers,
        ),
        Method(
            "round-robin", "Langford, Smola, Zinkevich 2009", lambda: delayed(False),
            simulated=n_workers,
        ),
        Method(
            "model averaging, once", "Zinkevich et al. 2010", lambda: averaging(False), "dataflow"
        ),
        Method("model averaging, each epoch", "the same", lambda: averaging(True), "dataflow"),
        Method(
            f"gradient averaging, {batch}", "Dekel et al. 2012",
            lambda: mini_batch(ridge, step, batch), "minibatch",
        ),
        Method("Hogwild!", "Niu et al. 2011", sgd, "hogwild"),
        Method(
            "parameter server", "Dean et al. 2012 (Downpour)",
            lambda: Downpour(
                ridge, step, decay, n_workers=n_workers, fetch=2, push=2
            ), simulated=n_workers,
        ),
        Method(
            "coordinate descent, racing", "Liu et al. 2014", lambda: CoordinateDescent(ridge),
            "hogwild",
        ),
        Method(
            "coordinate descent", "its serial twin", lambda: CoordinateDescent(ridge), "dataflow"
        ),
        Method(
            "SVRG, sparse, racing", "Reddi et al. 2015", lambda: RidgeSvrg(ridge, step), "hogwild"
        ),
        Method("SVRG, sparse", "its serial twin", lambda: RidgeSvrg(ridge, step), "dataflow"),
    ]  # fmt: skip


def mini_batch(ridge: SparseRidge, step: float, batch: int) -> LinearModel:
    """Return the ridge regression as the library's linear model, for the engine ``minibatch``.

    One step follows the mean of `batch` gradients, so it is as many times as long; it falls with
    the square root of the number of updates.
    """
    parameters = LinearParameters(
        "squared_error", alpha=ridge.l2, fit_intercept=False, learning_rate="invscaling",
        eta0=batch * step, power_t=0.5, batch_size=batch,
    )  # fmt: skip
    return LinearModel(ridge.X, ridge.y[:, None], parameters)


def run_methods(
    ridge: SparseRidge, chosen: list[Method], n_epochs: int, n_jobs: int, seed: int = 0
) -> list[Outcome]:
    """Train with each method through `serialeq.fit`, in the same orders."""
    least = ridge.objective(ridge.optimum)
    outcomes = []
    for method in chosen:
        problem = method.make()
        order = "shuffled" if isinstance(problem, LinearModel) else "reshuffled"
        fitted = fit(
            problem, order, n_epochs=n_epochs, engine=method.engine, n_jobs=n_jobs, seed=seed
        )
        kind = f"measured, {fitted.n_workers} workers" if method.engine != "serial" else "serial"
        if method.simulated:
            kind = f"simulated, {method.simulated} workers"
        excess = [record.loss - least for record in fitted.history if record.loss is not None]
        weights = fitted.trained["coef"][0] if "coef" in fitted.trained else fitted.trained["w"]
        outcomes.append(
            Outcome(
                method.name, method.source, kind, excess,
                median(record.seconds for record in fitted.history), weights, fitted.digest,
                method.engine == "hogwild",
            )
        )  # fmt: skip
    return outcomes
