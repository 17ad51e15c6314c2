"""``engine="auto"``: predict, pick, and say why."""

from __future__ import annotations

from serialeq.order import Order
from serialeq.planning.prediction import predict

from .base import Engine, get_engine

_WORTHWHILE = 1.1  # predicted speedup below which the serial engine is safer
_STEPS_LOOKED_AT = 1 << 16


def check_engine(name: str) -> None:
    """Raise SerialeqError unless `name` is "auto" or an engine's name."""
    if name != "auto":
        get_engine(name)


def choose_engine(name: str, order: Order, n_workers: int) -> tuple[Engine, str]:
    """Return the engine to use and the reason, in words.

    Parameters
    ----------
    name : str
        An engine's name, or "auto": the faster of serial and dataflow, as predicted.
    order : Order
    n_workers : int
        Workers that can really run at the same time.
    """
    if name != "auto":
        return get_engine(name), "as asked"
    if n_workers == 1:
        return get_engine("serial"), "one worker"
    prediction = predict(order, n_workers, limit=_STEPS_LOOKED_AT)
    told = f"predicted speedup of dataflow on {n_workers} workers: {prediction.speedup:.2f}"
    if prediction.speedup < _WORTHWHILE:
        return get_engine("serial"), f"{told}, less than {_WORTHWHILE}"
    return get_engine("dataflow"), told
