"""A spanning tree of the heaviest pairs of a plan, and what accumulates along it.

Nodes are the n rows and the m columns; a pair (i, j) with P_ij > 0 is an edge. In a maximum
spanning tree every pair left out is no heavier than any tree edge on the path that it closes
(the cycle property; Tarjan, *Data Structures and Network Algorithms*, 1983, chapter 6). That is
what keeps every quantity expressed on the tree bounded while masses range over hundreds of
decades.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.numerics.jit import njit


@dataclass(frozen=True, kw_only=True, eq=False)
class SpanningTree:
    """A rooted tree on rows 0..n-1 and columns n..n+m-1, nodes in preorder.

    Position 0 is the root. The subtree of position k is the run k..end[k]-1, and its edge is the
    one to its parent.

    Attributes
    ----------
    node:
        Node at each position, shape (n+m,).
    parent:
        Position of the parent, shape (n+m,); 0 for the root.
    end:
        One past the last position of the subtree, shape (n+m,).
    row, col:
        The pair (i, j) of the edge above each position, shape (n+m,); (0, 0) at the root.
    """

    node: IntArray
    parent: IntArray
    end: IntArray
    row: IntArray
    col: IntArray

    @property
    def size(self) -> int:
        """The number of nodes, n + m."""
        return len(self.node)


def heaviest_tree(plan: FloatArray) -> SpanningTree | None:
    """Maximum spanning tree of the pairs of positive mass; None when they leave it in pieces.

    Prim's algorithm on the dense matrix, O((n + m)^2).
    """
    above = _prim(plan)
    return None if above is None else _in_preorder(above, plan.shape[0])


def _prim(plan: FloatArray) -> IntArray | None:
    n, m = plan.shape
    by_column = np.ascontiguousarray(plan.T)
    best_row, best_col = np.zeros(n), plan[0].copy()
    above = np.zeros(n + m, dtype=np.int64)
    above[0] = -1
    best_row[0] = -1.0
    for _ in range(n + m - 1):
        i, j = int(best_row.argmax()), int(best_col.argmax())
        if max(best_row[i], best_col[j]) <= 0.0:
            return None
        if best_row[i] >= best_col[j]:
            best_row[i] = -1.0
            better = (plan[i] > best_col) & (best_col >= 0.0)
            best_col[better] = plan[i][better]
            above[n:][better] = i
        else:
            best_col[j] = -1.0
            better = (by_column[j] > best_row) & (best_row >= 0.0)
            best_row[better] = by_column[j][better]
            above[:n][better] = n + j
    return above


def _in_preorder(above: IntArray, n: int) -> SpanningTree:
    size = len(above)
    children: list[list[int]] = [[] for _ in range(size)]
    for node in range(size):
        if above[node] >= 0:
            children[above[node]].append(node)
    order: list[int] = []
    waiting = [int(np.flatnonzero(above < 0)[0])]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(reversed(children[node]))
    node_at = np.array(order, dtype=np.int64)
    position = np.empty(size, dtype=np.int64)
    position[node_at] = np.arange(size)
    parent_node = np.maximum(above[node_at], 0)
    parent = np.where(above[node_at] < 0, 0, position[parent_node])
    count = np.ones(size, dtype=np.int64)
    for k in range(size - 1, 0, -1):
        count[parent[k]] += count[k]
    is_row = node_at < n
    row = np.where(is_row, node_at, parent_node)
    col = np.where(is_row, parent_node, node_at) - n
    row[0] = col[0] = 0
    return SpanningTree(
        node=node_at,
        parent=parent,
        end=np.arange(size) + count,
        row=row,
        col=col,
    )


def cut_matrix(plan: FloatArray, tree: SpanningTree) -> FloatArray:
    """The bipartite Laplacian of the plan in the differences along the tree, (n+m-1, n+m-1).

    Entry (v, w) is the mass of the pairs that cross both the cut below v and the cut below w,
    negative when the two subtrees are disjoint. Every entry is a sum of masses: nothing is
    subtracted, so each has the relative accuracy of the plan.
    """
    size = tree.size
    n = plan.shape[0]
    position = np.empty(size, dtype=np.int64)
    position[tree.node] = np.arange(size)
    rows, cols = position[:n], position[n:]
    mass = np.zeros((size, size))
    mass[np.ix_(rows, cols)] = plan
    mass[np.ix_(cols, rows)] = plan.T
    _gather(mass, tree.parent)
    crossing = _complements(mass, tree.end)
    between = np.ascontiguousarray(mass.T)
    del mass
    _gather(between, tree.parent)
    np.negative(between, out=between)
    at = np.arange(size)
    inside = (at[None, :] <= at[:, None]) & (at[:, None] < tree.end[None, :])
    between[inside] = crossing[inside]
    between.T[inside] = crossing[inside]
    return between[1:, 1:]


def _gather(table: FloatArray, parent: IntArray) -> None:
    """Turn row k from node k's own into the sum over its subtree, in place."""
    for k in range(len(parent) - 1, 0, -1):
        table[parent[k]] += table[k]


def _complements(mass: FloatArray, end: IntArray) -> FloatArray:
    """[v, w]: mass from the subtree of v to the nodes outside the subtree of w."""
    size = len(end)
    outside = np.zeros((size, size))
    np.cumsum(mass[:, :-1], axis=1, out=outside[:, 1:])
    after = np.zeros((size, size + 1))
    after[:, :-1] = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    outside += after[:, end]
    return outside


@njit
def accumulate_up(values: FloatArray, parent: IntArray) -> None:
    """Turn each position's own value into the sum over its subtree, in place."""
    for k in range(len(parent) - 1, 0, -1):
        values[parent[k]] += values[k]


@njit
def accumulate_down(values: FloatArray, parent: IntArray) -> None:
    """Turn each position's own value into the sum along the path from the root, in place."""
    for k in range(1, len(parent)):
        values[k] += values[parent[k]]
