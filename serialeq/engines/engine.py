"""The engines: how an epoch can be executed.

=============  ==========  ==================================================================
engine         equivalent  an epoch is
=============  ==========  ==================================================================
``serial``     yes         one worker, sample after sample: the specification
``groups``     yes         batches, conflict-free groups, a barrier after each
``cyclades``   yes         batches, connected components, a barrier after each
``dataflow``   yes         waits for the conflicting work only, no barriers
``locked``     yes         one lock per variable, granted in serial order
``lookahead``  yes         blocks; every worker has all samples, and its own columns
``minibatch``  no, but     batches at fixed weights, in the same way: the same bits for any
               repeatable  number of workers
``hogwild``    **no**      everyone runs, nobody waits
=============  ==========  ==================================================================

The nearest relatives of ``lookahead`` are s-step methods, such as the communication-avoiding SGD of
Devarakonda and Demmel 2020, whose blocks are those of serial SGD up to rounding; here sums are
exact (`SlicedProblem`), and so are the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serialeq.errors import SerialeqError
from serialeq.planning.batches import plan_cyclades, plan_groups
from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.locks import plan_locks
from serialeq.planning.schedule import Schedule
from serialeq.planning.serial import plan_free, plan_serial


@dataclass(frozen=True)
class Engine:
    """One way to execute an epoch.

    Attributes
    ----------
    name : str
    equivalent : bool
        The result has the bits of the serial run, for every order and number of workers.
    plan : callable or None
        ``plan(order, n_workers, with_times)`` returns a `Schedule`. None: all workers take part
        in every sample, and a problem whose sums are exact plans that itself (`SlicedProblem`).
    parallel : bool
        False: uses one worker, however many are offered.
    """

    name: str
    equivalent: bool
    plan: Callable[..., Schedule] | None
    parallel: bool = True

    @property
    def sliced(self) -> bool:
        """Whether workers share every sample instead of dividing them."""
        return self.plan is None


ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("serial", True, plan_serial, parallel=False),
        Engine("groups", True, plan_groups),
        Engine("cyclades", True, plan_cyclades),
        Engine("dataflow", True, plan_dataflow),
        Engine("locked", True, plan_locks),
        Engine("lookahead", True, None),
        Engine("minibatch", False, None),
        Engine("hogwild", False, plan_free),
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
