"""Updates of linear models, sample by sample and block by block.

The weights are ``w = scale * v``. One step of SGD on ``loss(x.w + b, y) + alpha/2 |w|^2`` is

    p = scale (x.v) + b          scale <- (1 - eta alpha) scale
    v <- v - (eta / scale) loss'(p, y) x          b <- b - eta decay loss'(p, y)

On the *lattice*, features are integers q (x = q 2^-a), the factor of x is rounded once per sample
to a multiple of 2^-b, and v is held as integers in units of 2^-(a+b). As long as
``max|v| * |q|_1 <= 2^53`` every product and sum in float64 is exact, so sums may be regrouped
without changing a bit. That is what the sliced kernel does: each worker holds the weights of a
set of columns and the rows' entries there. For a block of s samples it computes its part of the
margins at the block's start, and all parts added are exact; then every worker runs the same
recurrence

    margin_k = x_k.v + sum_{j<k} beta_j K_jk          K_jk = x_j.x_k

and updates its own columns. There is one wait per block. In a mini-batch the margins stay what
they were at its start; the workers divide the responses, and wait once more.

The mean of the weights after each update (Polyak and Ruppert) needs a second vector, u. With
``A_t`` the sum of the scales after the first t updates, and ``beta_t`` the factor of update t,

    sum_t w_t = A_T v_T - u          u <- u + A_{t-1} beta_t x

(the trick of L. Bottou's ASGD). No margin contains u: who owns a column adds to it in serial
order, so the bits of u are those of the serial run without any lattice.

Proved in ``proofs/``: theorems ``block_is_sgd``, ``same_total_same_bits``, ``guard_of_a_block``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.jit import inline
from serialeq.native.kernel import kernel
from serialeq.native.simd import add_wide, load_wide, splat

from .context import BOUND, PASSED
from .packed import add_rows_packed, dot_packed, split_weights
from .rates import fold
from .responses import respond, respond_to_share, respond_together, sum_parts
from .rows import add_row, dot, fetch_row, fetch_share

_AHEAD = 4  # samples: so far ahead are rows asked for where no response is waited for


@inline
def _count(c: Any, p: int, row: int, update: int, beta: Any, at: int, passed: Any) -> None:
    """Add to the sums what an update with the factors ``beta[at:]`` adds; `passed` is scratch."""
    for o in range(max(8 * c.width, 1)):
        passed[at + o] = c.rates[update, PASSED] * beta[at + o]
    add_row(c, p, row, c.sums, passed, at)


@inline
def _renewal(c: Any, p: int, time: int) -> bool:
    """Return whether weights have to be folded, or measured anew, before serial position."""
    if not c.lattice or time % c.period != 0:
        return False
    scale, passed = c.folds[time // c.period, 0], c.folds[time // c.period, 1]
    return scale != 1.0 or passed != 0.0 or c.state[p, BOUND] > 0.5 * c.limit


@inline
def _renew(c: Any, p: int, period: int) -> Any:
    """Fold the scale into the slice's weights; return the largest magnitude."""
    stride = max(8 * c.width, 1)
    lower, upper = c.first_column[p] * stride, c.first_column[p + 1] * stride
    return fold(c.weights, c.sums, lower, upper, c.folds[period, 0], c.folds[period, 1], True)


@inline
def _jumps(c: Any, k: int) -> bool:
    """Return whether there is a sample at position k, and its row is not the k-th in memory."""
    return k < c.samples.size and c.samples[k] != k


@kernel
def row_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the samples at packed positions ``start <= k < stop``, one after the other."""
    margins = np.zeros(max(8 * c.width, 1))
    beta = np.zeros(max(8 * c.width, 1))
    for k in range(start, stop):
        row, time = np.intp(c.samples[k]), np.intp(c.times[k])
        if _renewal(c, 0, time):
            c.state[0, BOUND] = _renew(c, 0, time // c.period)
        if _jumps(c, k + _AHEAD):
            fetch_row(c, 0, np.intp(c.samples[k + _AHEAD]))
        dot(c, 0, row, margins, 0)
        if respond(c, 0, row, time, margins[0], margins, 0, beta) != 0.0:
            add_row(c, 0, row, c.weights, beta, 0)
            if c.averaged:
                _count(c, 0, row, time, beta, 0, margins)


@kernel
def sliced_kernel(c: Any, start: int, stop: int) -> None:
    """Run steps of the workers: step t of worker p is position ``p * steps + t``.

    Step b finishes block b - 1, whose partial margins every worker has published by then, and
    begins block b. The two halves of ``partial`` take turns: who begins block b has seen everyone
    finish block b - 2. Of mini-batches it is step 2 b, and between two of them comes one in which
    the workers divide the responses (`_task`).
    """
    n = c.samples.size
    for position in range(start, stop):
        p, b, responses = _task(c, position)
        first, last = (b - 1) * c.block, min(b * c.block, n)
        if responses:
            respond_to_share(c, p, last, c.partial[b % 2])
            continue
        if b > 0:
            _finish(c, p, first, last, c.partial[(b - 1) % 2], False)
        if last < n:
            _renew_slice(c, p, last, c.partial[b % 2])
            for k in range(last, min(last + c.block, n)):
                row = np.intp(c.samples[k])
                if c.simultaneous and _jumps(c, k + _AHEAD):
                    fetch_row(c, p, np.intp(c.samples[k + _AHEAD]))
                at = _slot(c, k - last, row) * max(8 * c.width, 1)
                dot(c, p, row, c.partial[b % 2, p], at)


@kernel
def packed_kernel(c: Any, start: int, stop: int) -> None:
    """Do as `sliced_kernel`, with blocks of dense rows as `.packed` has them."""
    n = c.samples.size
    for position in range(start, stop):
        p, b, responses = _task(c, position)
        first, last = (b - 1) * c.block, min(b * c.block, n)
        if responses:
            respond_to_share(c, p, last, c.partial[b % 2])
            continue
        if b > 0:
            _finish(c, p, first, last, c.partial[(b - 1) % 2], True)
            added = _add_block(c, p, first, last)
            if c.averaged or not added:
                for k in range(first, last):
                    _update(c, p, first, k, added)
        if last < n:
            _renew_slice(c, p, last, c.partial[b % 2])
            three = split_weights(c, p)
            for k in range(last, min(last + c.block, n)):
                row = np.intp(c.samples[k])
                if c.simultaneous and _jumps(c, k + _AHEAD):
                    fetch_row(c, p, np.intp(c.samples[k + _AHEAD]))
                c.partial[b % 2, p, _slot(c, k - last, row)] = dot_packed(c, p, row, three)


@inline
def _task(c: Any, position: int) -> Any:
    """Return worker, block, and whether it is about the responses to a mini-batch."""
    phases = 2 if c.simultaneous else 1
    n_steps = phases * ((c.samples.size + c.block - 1) // c.block) + 1
    step = position % n_steps
    return position // n_steps, step // phases, step % phases == 1


@inline
def _slot(c: Any, k: int, row: int) -> int:
    """Return the place of a block's k-th sample: in exact blocks that of the row, as in `gram`.

    A mini-batch need not consist of the rows of one block of the layout.
    """
    return k if c.simultaneous else row % c.block


@inline
def _renew_slice(c: Any, p: int, first: int, partial: Any) -> None:
    """Fold or measure the slice's weights, if it is time, and publish the largest one."""
    if _renewal(c, p, first):
        partial[p, partial.shape[1] - 1] = _renew(c, p, first // c.period)


@inline
def _finish(c: Any, p: int, first: int, last: int, partial: Any, packed: bool) -> None:
    """Find a block's factors from all parts of its margins; unless `packed`, update the weights."""
    stride = max(8 * c.width, 1)
    margins, beta = c.scratch[3 * p], c.scratch[3 * p + 1]
    if _renewal(c, p, first):
        c.state[p, BOUND] = 0.0
        for u in range(partial.shape[0]):
            c.state[p, BOUND] = max(c.state[p, BOUND], partial[u, partial.shape[1] - 1])
    if c.simultaneous:
        respond_together(c, p, first, last, partial[0], beta)
    else:
        for k in range(c.block * stride):
            margins[k] = sum_parts(partial, k)
        _recur(c, p, first, last, margins, beta)
    if not packed:
        for k in range(first, last):
            _update(c, p, first, k, False)


@inline
def _recur(c: Any, p: int, first: int, last: int, margins: Any, beta: Any) -> None:
    """Find the factors of a block's samples, one after the other.

    Each response waits for the one before, a hundred cycles. Meanwhile the core asks for the rows
    of the next block, which lie side by side, if they are long or not the next ones in memory: it
    would not see them coming. The next sample's margin is kept at hand.
    """
    stride = max(8 * c.width, 1)
    padded = (c.block + 7) // 8 * 8
    row = np.intp(c.samples[first])
    margin = margins[row % c.block * stride]
    ahead = first + c.block
    unforeseen = _jumps(c, ahead) or (c.dense and ahead < c.samples.size)
    next_block = np.intp(c.samples[ahead]) // c.block * c.block if unforeseen else 0
    for k in range(first, last):
        if unforeseen:
            fetch_share(c, p, next_block, k - first)
        after = np.intp(c.samples[min(k + 1, last - 1)])
        at, base = row % c.block * stride, row * padded
        factor = respond(c, p, row, k, margin, margins, at, beta)
        row, margin = after, margins[after % c.block * stride]
        if factor != 0.0 and c.width == 0:
            margin += factor * c.gram[base + after % c.block]
            for j in range(0, padded, 8):
                add_wide(margins, j, splat(factor) * load_wide(c.gram, base + j))
        elif factor != 0.0:
            for later in range(k + 1, last):
                j = np.intp(c.samples[later]) % c.block
                common = splat(np.float64(c.gram[base + j]))
                for v in range(0, stride, 8):
                    add_wide(margins, j * stride + v, common * load_wide(beta, at + v))


@inline
def _update(c: Any, p: int, first: int, k: int, added: bool) -> None:
    """Update the worker's slice by a sample, which may have been `added` to the weights already."""
    margins, beta = c.scratch[3 * p], c.scratch[3 * p + 1]
    row = np.intp(c.samples[k])
    at = _slot(c, k - first, row) * max(8 * c.width, 1)
    moves = False
    for o in range(c.n_outputs):
        moves = moves or beta[at + o] != 0.0
    if moves:
        if not added:
            add_row(c, p, row, c.weights, beta, at)
        if c.averaged:  # the sample's margins are no longer needed
            _count(c, p, row, first // c.block if c.simultaneous else k, beta, at, margins)


@inline
def _add_block(c: Any, p: int, first: int, last: int) -> bool:
    """Update the worker's slice by a block of dense rows at once, if that is possible."""
    rows, factors, beta = c.rows[p], c.scratch[3 * p + 2], c.scratch[3 * p + 1]
    n_rows = 0
    for k in range(first, last):
        row = np.intp(c.samples[k])
        factor = beta[_slot(c, k - first, row)]
        if factor != 0.0:
            rows[n_rows], factors[n_rows] = row, factor
            n_rows += 1
    return add_rows_packed(c, p, rows, factors, n_rows)
