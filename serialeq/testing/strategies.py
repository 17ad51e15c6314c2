"""Hypothesis strategies: hypergraphs with hot variables, orders and problems on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from serialeq.hypergraph import Hypergraph
from serialeq.order import Order, blocked_order, given_order, shuffled_order

from .chain import Chain


def worker_counts(most: int = 8) -> st.SearchStrategy[int]:
    """Return the strategy for numbers of workers, 1 to `most`."""
    return st.integers(1, most)


@st.composite
def hypergraphs(
    draw: st.DrawFn,
    /,
    max_samples: int = 30,
    distinct: bool = False,
    max_variables: int = 12,
    max_support: int = 5,
) -> Hypergraph:
    """Draw supports of up to `max_support` variables, of which variable 0 is hot.

    Sometimes all are of one size. Unless `distinct`, a variable may be in a support twice.
    """
    n_variables = draw(st.integers(1, max_variables))
    variable = st.just(0) | st.integers(0, n_variables - 1)
    most = min(max_support, n_variables) if distinct else max_support
    arity = draw(st.integers(0, most))
    support = st.lists(variable, min_size=arity, max_size=arity or most, unique=distinct)
    n_samples = draw(st.integers(0, max_samples))
    supports = draw(st.lists(support, min_size=n_samples, max_size=n_samples))
    indices = np.array([v for variables in supports for v in variables], dtype=np.int64)
    if arity and draw(st.booleans()):
        return Hypergraph(indices, arity, n_variables)
    return Hypergraph(indices, np.cumsum([0, *map(len, supports)]), n_variables)


@st.composite
def orders(draw: st.DrawFn, /, graph: Hypergraph, kinds: str = "given shuffled blocked") -> Order:
    """Draw an order of one of the `kinds`, named with blanks between them.

    Given ones are any sequences of samples, with repeats and omissions.
    """
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
def problems(
    draw: st.DrawFn, /, graph: Hypergraph | None = None, timed: bool | None = None
) -> Callable[[], Chain]:
    """Draw a function that makes a problem whose bits tell the order of all that is done.

    It returns the same problem at its starting point in every call, as `assert_serial_equivalent`
    and `explore` ask for it. What is not given is drawn: the hypergraph, and whether updates depend
    on their serial position (`timed`).
    """
    if graph is None:
        graph = draw(hypergraphs())
    timed = draw(st.booleans()) if timed is None else timed
    return partial(Chain, graph, timed=timed, seed=draw(st.integers(0, 99)))


@st.composite
def cases(draw: st.DrawFn, /, **options: Any) -> tuple[Hypergraph, Order, int]:
    """Draw (hypergraph, order, number of workers); the options are those of `orders`."""
    graph = draw(hypergraphs())
    return graph, draw(orders(graph, **options)), draw(worker_counts())
