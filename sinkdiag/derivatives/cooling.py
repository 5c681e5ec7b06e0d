"""How the plan moves with its temperature, P∘K(C)/eps² = dP/deps, however little that is.

K(C) = K(Y) where Y is what is left of C when potentials that match it on the spanning tree are
taken off. Between tied pairs Y is exactly 0, and their masses then move only by what much lighter
pairs ask of them: by e^-100 of themselves where those are e^-100 as heavy. So three things are done
here that the residual of a general matrix (`sinkdiag.jacobian.block`) does not need. Y is summed in
pairs of doubles, with a bound of its error. Which pairs are negligible is decided by what drives
the plan, P∘Y, and not by P. And potentials enter through the path between two nodes alone, where
every pair is heavier than the one that closes it, never as differences from a common root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.block import NEGLIGIBLE, BlockOperator
from sinkdiag.jacobian.tree import SpanningTree, accumulate_up
from sinkdiag.numerics.gth import SMALLEST_PIVOT
from sinkdiag.results import Status

# Rounding of Y, relative to the motion that it would cause, beyond which nothing is reported.
_TOL = 1e-7
_U = 2.0**-53


@dataclass(frozen=True, kw_only=True, eq=False)
class Cooling:
    """P∘K(C) = eps² dP/deps, and K(C) = eps² d log P/deps, both (n, m), cost units.

    ``below_resolution``, and ``motion`` nan, where double precision cannot tell.
    """

    motion: FloatArray
    left: FloatArray
    status: Status


def cool(operator: BlockOperator, cost: FloatArray) -> Cooling:
    """The motion of a plan under its own cost (n, m), +inf at forbidden pairs.

    Its error is at rounding level relative to the largest entry of the motion.
    """
    plan, tree = operator.plan, operator.tree
    allowed = np.isfinite(cost)
    rest, noise = _off_tree(np.where(allowed, cost, 0.0), tree)
    rest[~allowed] = noise[~allowed] = 0.0
    largest = float(np.abs(rest).max())
    if largest == 0.0:
        nothing = np.zeros_like(plan)
        return Cooling(motion=nothing, left=nothing, status=Status.CONVERGED)
    drive = float((plan * np.abs(rest)).max())
    least = NEGLIGIBLE * drive / largest
    flow = _flow(np.where(plan >= least, plan * rest, 0.0), tree)
    carries = np.append(0.0, plan[tree.row[1:], tree.col[1:]] >= least)
    step = operator.differences((flow * carries)[None])[0] * carries
    left = _residual(rest, step, tree)
    motion = plan * left
    # The closed cycle of a pair off the tree holds its own Y somewhere on it, over its length.
    unclear = float((plan * noise).max()) * tree.size > _TOL * float(np.abs(motion).max())
    if unclear or drive < SMALLEST_PIVOT * largest:
        nothing = np.full_like(plan, np.nan)
        return Cooling(motion=nothing, left=left, status=Status.BELOW_RESOLUTION)
    return Cooling(motion=motion, left=left, status=Status.CONVERGED)


def _off_tree(cost: FloatArray, tree: SpanningTree) -> tuple[FloatArray, FloatArray]:
    """Y = C - a⊕b, exactly 0 on the tree, and a bound of its error."""
    n = len(cost)
    high, low, noise = np.zeros((3, tree.size))
    edges = cost[tree.row, tree.col].tolist()
    for k, (node, up) in enumerate(zip(tree.node.tolist(), tree.parent.tolist(), strict=True)):
        if k:
            edge = edges[k] if node < n else -edges[k]
            high[k], error = _two_sum(high[up], edge)
            low[k], lost = _two_sum(low[up], error)
            noise[k] = noise[up] + abs(lost)
    ordered = np.empty((3, tree.size))
    ordered[:, tree.node] = high, low, noise
    (a, a_low, a_noise), b = ordered[:, :n, None], ordered[:, n:]
    first, error = _two_sum(cost, -a)
    rest, more = _two_sum(first, b[0])
    small, lost = _two_sum(error, more)
    small, also = _two_sum(small, b[1] - a_low)
    rounded = _U * np.abs(b[1] - a_low) * ((a_low != 0) & (b[1] != 0))
    rest = rest + small
    rest[tree.row[1:], tree.col[1:]] = 0.0
    bound = a_noise + b[2] + np.abs(lost) + np.abs(also) + rounded
    bound[tree.row[1:], tree.col[1:]] = 0.0
    return rest, bound


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sum as rounded, and what the rounding left out (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _flow(moved: FloatArray, tree: SpanningTree) -> FloatArray:
    """Through the cut below each position, for what moves in each pair."""
    flow = np.concatenate([moved.sum(axis=1), -moved.sum(axis=0)])[tree.node]
    accumulate_up(flow, tree.parent)
    return np.asarray(flow)


def _residual(rest: FloatArray, step: FloatArray, tree: SpanningTree) -> FloatArray:
    """Y - a⊕b with differences of potentials summed along each path; on the tree from ``step``."""
    n = len(rest)
    away = np.zeros((tree.size, tree.size))
    for k, up in enumerate(tree.parent.tolist()):
        if k:
            away[k, :k] = away[up, :k] + step[k]
            away[:k, k] = -away[k, :k]
    position = np.empty(tree.size, dtype=np.int64)
    position[tree.node] = np.arange(tree.size)
    left = rest - away[np.ix_(position[:n], position[n:])]
    left[tree.row[1:], tree.col[1:]] = np.where(tree.node[1:] < n, -step[1:], step[1:])
    return np.asarray(left)
