"""Hypothesis strategies: hypergraphs with hot variables, and serial orders of their samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from serialeq.hypergraph import Hypergraph
from serialeq.order import Order, blocked_order, given_order, shuffled_order

workers = st.integers(1, 8)


@st.composite
def hypergraphs(draw: Any, max_samples: int = 30, distinct: bool = False) -> Hypergraph:
    """Draw supports of 0 to 5 variables, of which variable 0 is hot; sometimes all of one size.

    A variable may be in a support twice, unless `distinct`.
    """
    n_variables = draw(st.integers(1, 12))
    variable = st.just(0) | st.integers(0, n_variables - 1)
    most = min(5, n_variables) if distinct else 5
    arity = draw(st.integers(0, most))
    support = st.lists(variable, min_size=arity, max_size=arity or most, unique=distinct)
    n_samples = draw(st.integers(0, max_samples))
    supports = draw(st.lists(support, min_size=n_samples, max_size=n_samples))
    indices = np.array([v for variables in supports for v in variables], dtype=np.int64)
    if arity and draw(st.booleans()):
        return Hypergraph(indices, arity, n_variables)
    return Hypergraph(indices, np.cumsum([0, *map(len, supports)]), n_variables)


@st.composite
def orders(draw: Any, graph: Hypergraph, kinds: str = "given shuffled blocked") -> Order:
    """Draw an order: any sequence with repeats and omissions, a shuffled or a blocked one."""
    kind = draw(st.sampled_from(kinds.split()))
    if kind == "given":
        sample = st.integers(0, graph.n_samples - 1) if graph.n_samples else st.nothing()
        n_steps = draw(st.integers(0, 2 * graph.n_samples))
        sequence = draw(st.lists(sample, min_size=n_steps, max_size=n_steps))
        return given_order(graph, np.array(sequence, dtype=np.int64))
    seed = draw(st.integers(0, 99))
    if kind == "shuffled":
        return shuffled_order(graph, seed)
    n_blocks = draw(st.integers(1, 6))
    labels = draw(
        st.lists(
            st.integers(0, n_blocks - 1), min_size=graph.n_variables, max_size=graph.n_variables
        )
    )
    return blocked_order(graph, labels, n_blocks, seed)


@st.composite
def cases(draw: Any, **options: Any) -> tuple[Hypergraph, Order, int]:
    """Draw (hypergraph, order, number of workers)."""
    graph = draw(hypergraphs())
    return graph, draw(orders(graph, **options)), draw(workers)
