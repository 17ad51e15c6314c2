"""A network with one hidden layer in which each sample trains only the groups it keeps (dropout).

The fewer groups a sample keeps, the fewer conflicts, and the less each sample teaches. Masks come
from indexed randomness, so supports are known before training.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.hypergraph import Hypergraph
from serialeq.native.random import fill_uniform, permutation, stream_key
from serialeq.native.simd import aligned_zeros, lanes
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, blocked_order
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel
from serialeq.problem import Problem, check_state
from serialeq.training.parameters import OneOf

from .kernel import (
    OUTPUTS,
    NetworkContext,
    draw_masks,
    draw_parts,
    first_free_colours,
    mean_loss,
    network_kernel,
    outputs_worker,
)
from .parameters import NetworkParameters


class DropoutNetwork(Problem):
    """Inputs → rectified hidden units in groups → outputs; each sample keeps some groups.

    A group is a variable: the weights into and out of its units, and an output bias of its own;
    with ``masks="partition"`` a part of the groups is one. *Nothing is shared by all samples*: the
    output bias of a sample is the sum of those of the groups that it keeps. The outputs of the
    trained network are the mean over all masks of what they are in training, which is exactly
    n_kept / n_groups times the sum over all groups.

    Samples are a scipy sparse or 2-d array `X`, shape (n, d); targets, shape (n, n_outputs), are
    one-hot or 0/1 for softmax and logistic outputs, and any numbers for squared ones. The output is
    one of `OUTPUTS`, by default what the loss asks for: a softmax, or with one output a logistic
    one. The seed is that of the first weights and the masks.
    """

    kernel = network_kernel
    redrawn = True

    def __init__(
        self,
        X: Any,
        targets: np.ndarray,
        parameters: NetworkParameters | None = None,
        *,
        output: str | None = None,
        seed: int = 0,
    ) -> None:
        p = parameters or NetworkParameters()
        p.check_parameters()
        if output is None:
            entropy = "softmax" if targets.shape[1] > 1 else "logistic"
            output = entropy if p.loss == "log_loss" else "squared"
        OneOf(*OUTPUTS)("output", output)
        self.dtype = np.dtype(p.dtype)
        self.n_groups, self.n_kept, self.masks = int(p.n_groups), int(p.n_kept), p.masks
        self.n_units = int(p.hidden_units) // self.n_groups
        self.n_features, self.n_outputs = X.shape[1], targets.shape[1]
        self.output, self.step, self.seed = output, float(p.learning_rate), seed
        rows = sp.csr_array(X, copy=True)
        rows.sum_duplicates()  # sums depend on the order of entries
        rows.eliminate_zeros()
        degrees = np.bincount(rows.indices, minlength=self.n_features)
        self._row_of_feature = np.empty(self.n_features, dtype=np.uint32)
        self._row_of_feature[np.argsort(-degrees, kind="stable")] = np.arange(self.n_features)
        self._indptr = rows.indptr.astype(np.int64)
        self._columns = self._row_of_feature[rows.indices]  # frequent ones are neighbours
        self._values = rows.data.astype(self.dtype)
        self._targets = np.zeros((X.shape[0], self._padded(self.n_outputs)), dtype=self.dtype)
        self._targets[:, : self.n_outputs] = targets
        n_in = self.n_groups * (self.n_features + 1)
        n_out = self.n_groups * (self.n_units + 1)
        self._inward = aligned_zeros((n_in, self._padded(self.n_units)), self.dtype)
        self._outward = aligned_zeros((n_out, self._targets.shape[1]), self.dtype)
        self._inward_squares = np.full(n_in, p.initial_square, dtype=self.dtype)
        self._outward_squares = np.full(n_out, p.initial_square, dtype=self.dtype)
        self._initialise()
        self.draw(0)

    def _padded(self, width: int) -> int:
        return -(-width // lanes(self.dtype)) * lanes(self.dtype)

    def _initialise(self) -> None:
        """Glorot and Bengio 2010: uniform in ±sqrt(6 / (inputs + outputs of the layer)).

        Biases start at 0.
        """
        n_hidden = self.n_groups * self.n_units
        for rows, width, fan_in, fan_out, purpose in (
            (self._inward, self.n_units, self.n_features, n_hidden, "inward"),
            (self._outward, self.n_outputs, n_hidden, self.n_outputs, "outward"),
        ):
            bound = float(np.sqrt(6.0 / (fan_in + fan_out)))
            fill_uniform(rows, width, -bound, bound, stream_key(self.seed, purpose))
            rows.reshape(self.n_groups, -1, rows.shape[1])[:, -1] = 0

    # ---- what engines run ----------------------------------------------------------------------

    def draw(self, epoch: int) -> None:
        """Draw the groups that each sample keeps, ascending, and the variable of each group."""
        self._epoch, key = epoch, stream_key(self.seed, "masks", epoch)
        self._kept = np.empty((self._targets.shape[0], self.n_kept), dtype=np.uint32)
        self._variable = np.arange(self.n_groups)
        if self.masks == "independent":
            draw_masks(self._kept, self.n_groups, key)
        else:
            groups = permutation(self.n_groups, stream_key(self.seed, "parts", epoch))
            self._variable[groups] = np.arange(self.n_groups) // self.n_kept
            parts = np.sort(groups.reshape(-1, self.n_kept), axis=1).astype(np.uint32)
            draw_parts(self._kept, parts, key)

    @property
    def hypergraph(self) -> Hypergraph:  # type: ignore[override]
        """What each sample keeps in the epoch drawn last: a part, or groups."""
        if self.masks == "partition":
            n_parts = self.n_groups // self.n_kept
            return Hypergraph(self._variable[self._kept[:, 0]], 1, n_parts, check=False)
        return Hypergraph(self._kept, self.n_kept, self.n_groups, check=False)

    def context(self, samples: np.ndarray, times: np.ndarray) -> NetworkContext:
        """Return the kernel's context; rows stay where they are, `samples` says their order."""
        return NetworkContext(
            samples=samples,
            kept=self._kept,
            indptr=self._indptr,
            columns=self._columns,
            values=self._values,
            targets=self._targets,
            inward=self._inward,
            outward=self._outward,
            inward_squares=self._inward_squares,
            outward_squares=self._outward_squares,
            sizes=np.array([self.n_features, self.n_units, self.n_outputs]),
            inward_width=self._inward.shape[1] // lanes(self.dtype),
            outward_width=self._outward.shape[1] // lanes(self.dtype),
            output=OUTPUTS.index(self.output),
            step=float(self.step),
        )

    def variables(self) -> dict[str, np.ndarray]:
        """Every row belongs to its group, or to the part that has the group in this epoch."""
        inward = np.repeat(self._variable, self.n_features + 1)
        outward = np.repeat(self._variable, self.n_units + 1)
        arrays = {"inward": inward, "outward": outward}
        return arrays | {f"{name}_squares": variables for name, variables in arrays.items()}

    def blocked_order(self, seed: int, team: WorkerTeam | None = None) -> Order:
        """Group the samples of the epoch by the set of groups that they keep.

        Sets without common groups follow each other as far as they can be packed.
        """
        graph, key = self.hypergraph, int(stream_key(seed, "network epoch", self._epoch))
        groups = np.arange(graph.n_variables)
        return blocked_order(graph, groups, groups.size, key, colour=_colours, team=team)

    @property
    def costs(self) -> CostModel:  # type: ignore[override]
        """From the size of a sample's update; planning is counted, which every epoch needs.

        Nanoseconds, measured on 20 Newsgroups.
        """
        n = max(self._kept.shape[0], 1)
        lines = self._indptr[-1] / n * self._inward.shape[1] / lanes(self.dtype)
        out_lines = self.n_units * self._outward.shape[1] / lanes(self.dtype)
        return replace(
            DEFAULT_COSTS,
            sample=self.n_kept * (12.0 * lines + 4.5 * out_lines) + 10.0 * self.n_outputs + 150.0,
            transfer=10.0 * (lines + out_lines),  # a group that another core has changed
            launch=DEFAULT_COSTS.launch + 50.0 * n,
        )

    def facts(self, n_workers: int) -> dict[str, str]:
        """Return what the groups are like, of which the supports consist."""
        return {
            "groups": f"{self.n_groups} of {self.n_units} units, {self.n_kept} kept by each sample",
            "supports": f"of the first epoch; masks ({self.masks}) are drawn anew in each",
        }

    # ---- the result ----------------------------------------------------------------------------

    def trained(self) -> dict[str, np.ndarray]:
        """Return the weights in the usual layout, and AdaGrad's sums.

        With h = groups × units: hidden (d, h), hidden_bias (h,), output (h, n_outputs),
        output_bias (groups, n_outputs), hidden_squares (d + 1, groups) and output_squares
        (groups, units + 1); the last row or column of the sums is that of the biases.
        """
        n_hidden = self.n_groups * self.n_units
        places = np.append(self._row_of_feature, self.n_features)
        inward = self._inward.reshape(self.n_groups, self.n_features + 1, -1)[:, places]
        inward = inward[:, :, : self.n_units].transpose(1, 0, 2).reshape(-1, n_hidden)
        outward = self._outward.reshape(self.n_groups, self.n_units + 1, -1)
        outward = outward[:, :, : self.n_outputs]
        return {
            "hidden": inward[:-1],
            "hidden_bias": inward[-1].copy(),
            "output": np.array(outward[:, :-1]).reshape(n_hidden, self.n_outputs),
            "output_bias": outward[:, -1].copy(),
            "hidden_squares": self._inward_squares.reshape(self.n_groups, -1).T[places],
            "output_squares": self._outward_squares.reshape(self.n_groups, -1).copy(),
        }

    state = trained  # which are copies

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the state to what `trained` returned before."""
        check_state(arrays, self.trained())
        places = np.append(self._row_of_feature, self.n_features)
        inward = np.vstack([arrays["hidden"], arrays["hidden_bias"]])
        inward = inward.reshape(-1, self.n_groups, self.n_units).transpose(1, 0, 2)
        self._inward.reshape(self.n_groups, places.size, -1)[:, places, : self.n_units] = inward
        outward = self._outward.reshape(self.n_groups, self.n_units + 1, -1)
        outward = outward[:, :, : self.n_outputs]
        outward[:, :-1] = arrays["output"].reshape(self.n_groups, self.n_units, self.n_outputs)
        outward[:, -1] = arrays["output_bias"]
        self._inward_squares.reshape(self.n_groups, -1)[:, places] = arrays["hidden_squares"].T
        self._outward_squares.reshape(self.n_groups, -1)[:] = arrays["output_squares"]

    def data(self) -> dict[str, np.ndarray]:
        """Return the rows, with features numbered from the most frequent one, and the targets."""
        return {
            "indptr": self._indptr,
            "columns": self._columns,
            "values": self._values,
            "targets": self._targets,
        }

    def plain(self, trained: dict[str, np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return weights and biases of the ordinary network that is the mean over all masks."""
        return plain_network(trained, self.n_kept / self.n_groups)

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the mean loss of the mean outputs on the training data."""
        team = team or WorkerTeam(1)
        outputs = np.empty_like(self._targets)
        team.run(
            outputs_worker, team.n_threads, self._indptr, self._columns, self._values,
            self._inward, self._outward, self.n_groups, self.n_kept / self.n_groups, outputs,
            team.stop_flag,
        )  # fmt: skip
        return float(mean_loss(OUTPUTS.index(self.output), outputs, self._targets, self.n_outputs))


def plain_network(
    trained: dict[str, np.ndarray], kept: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return weights and biases of the mean over all masks, each of which keeps a part `kept`."""
    share = trained["output"].dtype.type(kept)
    coefs = [trained["hidden"], share * trained["output"]]
    return coefs, [trained["hidden_bias"], share * trained["output_bias"].sum(axis=0)]


def feed_forward(coefs: list[np.ndarray], intercepts: list[np.ndarray], X: Any) -> np.ndarray:
    """Return the outputs of an ordinary network with one rectified layer, (n, n_outputs)."""
    hidden = np.maximum(np.asarray(X @ coefs[0]) + intercepts[0], 0)
    return np.asarray(hidden @ coefs[1] + intercepts[1])


def _colours(tasks: Hypergraph) -> np.ndarray:
    return np.asarray(first_free_colours(tasks.indptr, tasks.indices, tasks.n_variables))
