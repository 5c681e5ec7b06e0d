"""Forcing norms sup ‖A^+ m_kl‖ over the active support, near a permutation too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.derivatives.second_order import heaviest
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.jacobian.tree import accumulate_down

# The pairs that look largest by the Gram matrix are solved for once more, one by one.
_RECHECKED = 16


@dataclass(frozen=True, kw_only=True)
class Forcing:
    """The largest ‖A^+ m_kl‖_2 over the active support, m_kl = P_kl (e_k; e_l), and where."""

    value: float
    row: int
    col: int


def largest_forcing(operator: BlockOperator, support: ActiveSupport) -> Forcing:
    """Find sup over (k, l) in S of ‖A^+ P_kl (e_k; e_l)‖_2 (paper, A.7).

    The potential of a pair is the sum of the potentials of unit flows through the tree edges
    between k and l, all of which are at least as heavy as the pair; lighter edges, however weak
    the links they make, never enter. All pairs are ranked at once, and the first ones solved for
    one by one.
    """
    masked = np.where(support.mask, operator.plan, 0.0)
    potentials = _part_potentials(operator, float(operator.plan[support.mask].min()))
    n, m = operator.shape
    gram = potentials @ potentials.T
    length = np.diagonal(gram)
    squared = length[:n, None] + length[None, n:] - 2 * gram[:n, n:]
    guess = masked * np.sqrt(np.maximum(squared, 0.0))
    guess[~support.mask] = -1.0
    rows, cols = np.divmod(heaviest(guess, min(_RECHECKED, support.size)), m)
    sizes = masked[rows, cols] * _pair_norms(operator, rows, cols)
    best = int(sizes.argmax())
    return Forcing(value=float(sizes[best]), row=int(rows[best]), col=int(cols[best]))


def _part_potentials(operator: BlockOperator, least: float) -> FloatArray:
    """For each node, A^+ of a unit flow to it from the top of its part of the tree, (n+m, n+m).

    Parts are what remains of the tree without the edges lighter than ``least``. Row v belongs to
    node v and holds mean-free potentials in preorder, with the columns' sign flipped.
    """
    tree = operator.tree
    heavy = operator.plan[tree.row, tree.col] >= least
    heavy[0] = False
    flow = np.zeros((tree.size, tree.size))
    np.fill_diagonal(flow, heavy)
    through = _levels(operator, flow)
    for k in range(1, tree.size):
        if heavy[k]:
            through[k] += through[tree.parent[k]]
    path = np.empty_like(through)
    path[tree.node] = through
    return path


def _pair_norms(operator: BlockOperator, rows: IntArray, cols: IntArray) -> FloatArray:
    """‖A^+ (e_k; e_l)‖_2 for each pair; the flow through each cut is exactly 0, 1 or -1."""
    tree = operator.tree
    position = np.empty(tree.size, dtype=np.int64)
    position[tree.node] = np.arange(tree.size)
    flow = np.zeros((len(rows), tree.size))
    for s, (row, col) in enumerate(zip(rows, cols, strict=True)):
        for node, sign in ((row, 1.0), (operator.shape[0] + col, -1.0)):
            at = int(position[node])
            while at:
                flow[s, at] += sign
                at = int(tree.parent[at])
    return np.asarray(np.linalg.norm(_levels(operator, flow), axis=1))


def _levels(operator: BlockOperator, flow: FloatArray) -> FloatArray:
    """Mean-free potentials in preorder for flows through the cuts, both (k, n+m)."""
    level = np.ascontiguousarray(operator.differences(flow).T)
    accumulate_down(level, operator.tree.parent)
    level -= level.mean(axis=0)
    return np.ascontiguousarray(level.T)
