"""Passes over stacks of (n, m) matrices along a spanning tree of the plan's pairs; products."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.numerics.jit import njit


@njit
def cut_flows(
    off: FloatArray,
    values: FloatArray,
    parent: IntArray,
    node: IntArray,
    tree_row: IntArray,
    tree_col: IntArray,
    level: FloatArray,
    flow: FloatArray,
) -> None:
    """For each X of a stack: potentials that match X on the tree, and the flow through each cut.

    ``off`` is the plan with the tree's own pairs set to 0, ``values`` (k, n, m), ``level`` and
    ``flow`` (k, n+m) in preorder. Level x: a_i = x at row i, b_j = -x at column j, with
    a_i + b_j = X_ij on the tree. Flow: sums over each subtree of off∘(X - a⊕b), columns negative.
    """
    count, n, m = values.shape
    size = n + m
    a, b = np.empty(n), np.empty(m)
    by_row, by_col = np.empty(n), np.empty(m)
    for s in range(count):
        level[s, 0] = 0.0
        for k in range(1, size):
            edge = values[s, tree_row[k], tree_col[k]]
            up = level[s, parent[k]]
            level[s, k] = up + edge if node[k] < n else up - edge
        for k in range(size):
            if node[k] < n:
                a[node[k]] = level[s, k]
            else:
                b[node[k] - n] = -level[s, k]
        by_col[:] = 0.0
        for i in range(n):
            total = 0.0
            for j in range(m):
                moved = off[i, j] * (values[s, i, j] - a[i] - b[j])
                total += moved
                by_col[j] += moved
            by_row[i] = total
        for k in range(size):
            flow[s, k] = by_row[node[k]] if node[k] < n else -by_col[node[k] - n]
        for k in range(size - 1, 0, -1):
            flow[s, parent[k]] += flow[s, k]


@njit
def tree_residual(
    values: FloatArray,
    level: FloatArray,
    step: FloatArray,
    parent: IntArray,
    node: IntArray,
    tree_row: IntArray,
    tree_col: IntArray,
    residual: FloatArray,
) -> None:
    """Residual = X - a⊕b, where a⊕b adds to the tree's potentials the differences ``step``.

    On the tree itself the residual is the difference, not X minus a sum that almost equals it.
    """
    count, n, m = values.shape
    size = n + m
    a, b = np.empty(n), np.empty(m)
    shift = np.zeros(size)
    for s in range(count):
        for k in range(1, size):
            shift[k] = shift[parent[k]] + step[s, k]
        for k in range(size):
            total = level[s, k] + shift[k]
            if node[k] < n:
                a[node[k]] = total
            else:
                b[node[k] - n] = -total
        for i in range(n):
            for j in range(m):
                residual[s, i, j] = values[s, i, j] - a[i] - b[j]
        for k in range(1, size):
            edge = -step[s, k] if node[k] < n else step[s, k]
            residual[s, tree_row[k], tree_col[k]] = edge


@njit
def row_products(vectors: FloatArray, matrix: FloatArray, out: FloatArray) -> None:
    """The product ``vectors`` (k, n) times ``matrix`` (n, m) into ``out`` (k, m), for few rows.

    Four rows of the matrix at a time. A BLAS would hand such a product to all its threads, which
    costs more than it saves when other work keeps the cores busy.
    """
    count, size = vectors.shape
    out[:] = 0.0
    whole = size - size % 4
    for k in range(0, whole, 4):
        for s in range(count):
            a, b, c, d = vectors[s, k], vectors[s, k + 1], vectors[s, k + 2], vectors[s, k + 3]
            for j in range(out.shape[1]):
                out[s, j] += (a * matrix[k, j] + b * matrix[k + 1, j]) + (
                    c * matrix[k + 2, j] + d * matrix[k + 3, j]
                )
    for k in range(whole, size):
        for s in range(count):
            a = vectors[s, k]
            for j in range(out.shape[1]):
                out[s, j] += a * matrix[k, j]
