"""Forbidden pairs: whether a plan exists, and whether some plan uses every allowed pair.

A finite fixed point exists iff some plan is positive on every allowed pair. Both questions are one
maximum flow from rows to columns and the strongly connected components of its residual graph.

Source: Brualdi, *Combinatorial Matrix Classes* (2006), chapter 8; Sinkhorn & Knopp, *Pacific J.
Math.* 21 (1967).
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.numerics.components import bipartite_components
from sinkdiag.problem import Problem

# Masses are counted in whole units of the total, at most this many, so that sums fit an int32.
MOST_UNITS = 2**30
# Marginals that are small fractions of each other are counted exactly.
LARGEST_DENOMINATOR = 10_000


def check_feasible(problem: Problem) -> None:
    """Return when a fixed point with finite potentials exists; nothing to do without +inf costs.

    Raises
    ------
    InputError
        When no plan fits the marginals on the allowed pairs, or when some allowed pair carries no
        mass in any plan (potentials would be infinite). Marginals that are not small fractions of
        each other are judged to 1e-9 of the total mass.
    """
    allowed = np.isfinite(problem.cost)
    if allowed.all():
        return
    row, col, slack = _units(problem.row, problem.col)
    flow = _flow(allowed, row, col)
    moved = int(flow.sum())
    if moved < int(row.sum()) - slack:
        share = 1.0 - moved / float(row.sum())
        raise InputError(
            problem.name,
            "no plan exists: the finite costs leave no place for "
            f"{share:.3g} of the mass whatever goes where",
            "allow more pairs, or change the marginals",
        )
    idle = _idle(allowed, flow, slack)
    if idle.any():
        i, j = (int(k) for k in np.argwhere(idle)[0])
        count = int(idle.sum())
        rest = "" if count == 1 else f" (nor can {count - 1} other pairs)"
        raise InputError(
            problem.name,
            f"the allowed pair [{i}, {j}] can carry no mass in any plan{rest}, so that no finite "
            "potentials exist",
            "forbid it as well (+inf), or allow more pairs",
        )


def count_blocks(cost: FloatArray) -> int:
    """Components of the graph of allowed pairs; between two of them no mass moves at any eps."""
    return bipartite_components(np.isfinite(cost)).count


def _units(row: FloatArray, col: FloatArray) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Marginals in whole units, and by how many units rounding may have moved their sums."""
    share = [
        Fraction(float(x / row[0])).limit_denominator(LARGEST_DENOMINATOR)
        for x in np.concatenate([row, col])
    ]
    unit = 1
    for x in set(share):
        unit = lcm(unit, x.denominator)
        if unit > MOST_UNITS:
            break
    counts = [int(x * unit) for x in share] if unit <= MOST_UNITS else []
    near = np.array([float(x) for x in share]) * row[0]
    exact = np.allclose(near, np.concatenate([row, col]), rtol=1e-12, atol=0.0)
    n = len(row)
    if counts and exact and sum(counts[:n]) == sum(counts[n:]) <= MOST_UNITS:
        whole = np.array(counts, dtype=np.int32)
        return whole[:n], whole[n:], 0
    scale = MOST_UNITS / float(row.sum())
    return (
        np.floor(row * scale).astype(np.int32),
        np.floor(col * scale).astype(np.int32),
        n + len(col),
    )


def _flow(
    allowed: NDArray[np.bool_], row: NDArray[np.int32], col: NDArray[np.int32]
) -> NDArray[np.int64]:
    """A maximum flow, (n, m)."""
    n, m = allowed.shape
    i, j = np.nonzero(allowed)
    source, sink = n + m, n + m + 1
    tails = np.concatenate([np.full(n, source), i, n + np.arange(m)])
    heads = np.concatenate([np.arange(n), n + j, np.full(m, sink)])
    room = np.concatenate([row, np.minimum(row[i], col[j]), col])
    size = n + m + 2
    graph = scipy.sparse.csr_array((room.astype(np.int32), (tails, heads)), shape=(size, size))
    result = scipy.sparse.csgraph.maximum_flow(graph, source, sink)
    dense = np.asarray(result.flow[:n].toarray()[:, n : n + m], dtype=np.int64)
    return np.maximum(dense, 0)


def _idle(allowed: NDArray[np.bool_], flow: NDArray[np.int64], slack: int) -> NDArray[np.bool_]:
    """Allowed pairs without flow whose row cannot be reached back from their column."""
    n, m = flow.shape
    # Along an allowed pair flow can grow; along a used one it can shrink.
    used = flow > slack
    i, j = np.nonzero(allowed)
    k, p = np.nonzero(used)
    tails, heads = np.concatenate([i, n + p]), np.concatenate([n + j, k])
    graph = scipy.sparse.csr_array((np.ones(len(tails)), (tails, heads)), shape=(n + m, n + m))
    _, label = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    return np.asarray(allowed & ~used & (label[:n, None] != label[n:]))
