"""The engines: how an epoch can be executed, and what each promises.

=============  ==========  ==================================================================
engine         promise     an epoch is
=============  ==========  ==================================================================
``serial``     serial      one worker, sample after sample: the specification
``groups``     serial      batches, conflict-free groups, a barrier after each
``cyclades``   serial      batches, connected components, a barrier after each
``dataflow``   serial      waits for the conflicting work only, no barriers
``locked``     serial      one lock per variable, granted in serial order
``lookahead``  serial      blocks; every worker has all samples, and its own columns
``minibatch``  repeatable  batches at fixed weights
``hogwild``    none        everyone runs, nobody waits
=============  ==========  ==================================================================

*serial*: the bits of the serial run, for every order and number of workers. *repeatable*: bits of
another algorithm, the same for any number of workers. *none*: no two runs need be alike.

The nearest relatives of ``lookahead`` are s-step methods, such as the communication-avoiding SGD of
Devarakonda and Demmel 2020, whose blocks are those of serial SGD up to rounding; here sums are
exact (`SlicedProblem`), and so are the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from serialeq.errors import SerialeqError
from serialeq.planning.batches import plan_cyclades, plan_groups
from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.hogwild import plan_hogwild
from serialeq.planning.locks import plan_locks
from serialeq.planning.schedule import Schedule
from serialeq.planning.serial import plan_serial

Promise = Literal["serial", "repeatable", "none"]


@dataclass(frozen=True)
class Engine:
    """One way to execute an epoch.

    Attributes
    ----------
    name : str
    promise : {"serial", "repeatable", "none"}
        See the module.
    plan : callable or None
        ``plan(order, n_workers, with_times)`` returns a `Schedule`. None: all workers take part
        in every sample, and a problem whose sums are exact plans that itself (`SlicedProblem`).
    parallel : bool
        False: uses one worker, however many are offered.
    """

    name: str
    promise: Promise
    plan: Callable[..., Schedule] | None
    parallel: bool = True

    @property
    def equivalent(self) -> bool:
        """Whether it promises the bits of the serial run."""
        return self.promise == "serial"

    @property
    def sliced(self) -> bool:
        """Whether workers share every sample instead of dividing them."""
        return self.plan is None


ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("serial", "serial", plan_serial, parallel=False),
        Engine("groups", "serial", plan_groups),
        Engine("cyclades", "serial", plan_cyclades),
        Engine("dataflow", "serial", plan_dataflow),
        Engine("locked", "serial", plan_locks),
        Engine("lookahead", "serial", None),
        Engine("minibatch", "repeatable", None),
        Engine("hogwild", "none", plan_hogwild),
    )
}


def get_engine(name: str) -> Engine:
    """Return an engine by name.

    Raises
    ------
    SerialeqError
        If there is none of that name.
    """
    if not isinstance(name, str) or name not in ENGINES:
        raise SerialeqError(f"engine: expected one of {', '.join(ENGINES)} or auto, got {name!r}")
    return ENGINES[name]


def check_engine(name: str, value: Any) -> None:
    """Raise SerialeqError unless a parameter is "auto" or an engine's name."""
    if value != "auto":
        get_engine(value)


def promise_of(engine: str) -> Promise:
    """Return what an engine promises; "auto" takes none but those with the serial bits."""
    return "serial" if engine == "auto" else get_engine(engine).promise


def engine_for(promise: str) -> str:
    """Return an engine with that promise: "auto" for the serial bits."""
    for name in ("auto", *ENGINES):
        if promise_of(name) == promise:
            return name
    raise SerialeqError(f"promise: expected serial, repeatable or none, got {promise!r}")
