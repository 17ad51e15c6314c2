"""`auto`: what it predicts, picks and says."""

import numpy as np

from serialeq.engines.auto import choose_engine
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order
from serialeq.testing import Chain


def test_auto_looks_at_the_whole_epoch() -> None:
    # A quiet beginning, then one variable that every sample touches.
    n = 100_000
    variables = np.arange(n)
    variables[n // 4 :] = 0
    graph = Hypergraph(np.stack([variables, n + np.arange(n)], axis=1).ravel(), 2, 2 * n)
    engine, reason = choose_engine("auto", Chain(graph), given_order(graph, np.arange(n)), 2)
    assert engine.name == "serial", reason


def test_auto_picks_dataflow_where_nothing_conflicts() -> None:
    n = 100_000
    graph = Hypergraph(np.arange(n), 1, n)
    engine, reason = choose_engine("auto", Chain(graph), given_order(graph, np.arange(n)), 2)
    assert engine.name == "dataflow", reason
    assert "speedup" in reason
