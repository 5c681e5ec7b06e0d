"""Slow twins of the solver's numerics: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import mpmath


def column_weights(plan, row):
    """W_jk = sum_i P_ij P_ik / r_i, zero diagonal; entries of any number type."""
    size = len(plan[0])
    return [
        [
            sum(line[j] * line[k] / r for line, r in zip(plan, row)) if j != k else 0 * plan[0][0]
            for k in range(size)
        ]
        for j in range(size)
    ]


def gth(weights):
    """(T, pivots) of diag(W1) - W = T' diag(pivots) T, last node first."""
    work = [list(line) for line in weights]
    size = len(work)
    lower = [[1.0 if i == j else 0.0 for j in range(size)] for i in range(size)]
    pivots = [0.0] * size
    for k in range(size - 1, 0, -1):
        pivots[k] = sum(work[k][:k])
        for j in range(k):
            lower[k][j] = -work[k][j] / pivots[k] if pivots[k] else 0.0
        for i in range(k):
            for j in range(k):
                if i != j:
                    work[i][j] -= work[i][k] * lower[k][j]
    return lower, pivots


def gaps(plan, row, col, digits=200):
    """Every 1 - sigma_k^2 of D_r^{-1/2} P D_c^{-1/2}, ascending, in ``digits``-digit arithmetic.

    The entries are taken as they are; L is assembled as a Laplacian, so that marginals which are
    only right to double precision do not matter.
    """
    plan = [[mpmath.mpf(x) for x in line] for line in plan]
    row, col = [mpmath.mpf(x) for x in row], [mpmath.mpf(x) for x in col]
    if len(col) > len(row):
        plan, row, col = [list(line) for line in zip(*plan)], col, row
    with mpmath.workdps(digits):
        weights = column_weights(plan, row)
        size = len(col)
        matrix = mpmath.matrix(size, size)
        for j in range(size):
            for k in range(size):
                entry = mpmath.fsum(weights[j]) if j == k else -weights[j][k]
                matrix[j, k] = entry / mpmath.sqrt(col[j] * col[k])
        return sorted(mpmath.eigsy(matrix, eigvals_only=True))[1:]
