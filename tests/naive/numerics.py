"""Slow twins of the ground floor: loops and definitions only, nothing shared with it."""

from __future__ import annotations

import math

import mpmath
import numpy as np


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


def lanczos_step(image, current, previous, beta):
    """alpha, new beta and new vector of one column."""
    alpha = sum((c.conjugate() * h).real for c, h in zip(current, image))
    rest = [h - alpha * c - beta * p for h, c, p in zip(image, current, previous)]
    size = math.sqrt(sum(abs(r) ** 2 for r in rest))
    return alpha, size, [r / size if size > 0 else 0j for r in rest]


def tridiagonal(alpha, beta):
    k = len(alpha)
    matrix = np.zeros((k, k))
    for i in range(k):
        matrix[i, i] = alpha[i]
        if i + 1 < k:
            matrix[i, i + 1] = matrix[i + 1, i] = beta[i]
    return matrix


def top_ritz(alpha, beta):
    values, vectors = np.linalg.eigh(tridiagonal(alpha, beta))
    return values[-1], abs(vectors[-1, -1])


def pivot(alpha, beta, theta):
    """(d, dd/dtheta, count): the last pivot of M = T - theta is 1/(M^-1)_kk, in 60 digits."""
    k = len(alpha)
    with mpmath.workdps(60):
        shifted = mpmath.matrix(tridiagonal(alpha, beta).tolist())
        for i in range(k):
            shifted[i, i] -= mpmath.mpf(theta)
        inverse = shifted**-1
        corner = inverse[k - 1, k - 1]
        # The inverse's derivative in theta is its square.
        slope = -mpmath.fsum(inverse[k - 1, i] * inverse[i, k - 1] for i in range(k)) / corner**2
        above = sum(value >= 0 for value in mpmath.eigsy(shifted, eigvals_only=True))
        return float(1 / corner), float(slope), above


def judge(alpha, beta, tol, loose):
    """(theta, weight, done) of one column: its residual r, and r² over the gap, are small."""
    values, vectors = np.linalg.eigh(tridiagonal(alpha, beta[:-1]))
    top, weight = values[-1], abs(vectors[-1, -1])
    residual = beta[-1] * weight
    gap = top - values[-2] if len(values) > 1 else math.inf
    done = residual <= tol * top or (residual <= loose * top and residual**2 <= tol * top * gap)
    return top, weight, done


def join(sets, a, b):
    """(the sets after those of a and b are united, whether they were two)."""
    first = next(group for group in sets if a in group)
    second = next(group for group in sets if b in group)
    if first is second:
        return sets, 0
    return [group for group in sets if group not in (first, second)] + [first | second], 1


def number_sets(parent):
    """The number of each node's set, sets in the order of their first members."""
    roots = []
    for node in range(len(parent)):
        root = node
        while parent[root] != root:
            root = parent[root]
        roots.append(root)
    order = sorted(set(roots), key=roots.index)
    return [order.index(root) for root in roots]


def label_components(mask):
    """The component of each row and then of each column, by flooding from the first one left."""
    n, m = len(mask), len(mask[0])
    label = [-1] * (n + m)
    count = 0
    for start in range(n + m):
        if label[start] >= 0:
            continue
        stack = [start]
        while stack:
            node = stack.pop()
            if label[node] >= 0:
                continue
            label[node] = count
            if node < n:
                stack += [n + j for j in range(m) if mask[node][j]]
            else:
                stack += [i for i in range(n) if mask[i][node - n]]
        count += 1
    return label


def log_sum_exp(values):
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def col_sums(plan, u):
    """Σ_i P_ij u_i, one column after another, the rows in order."""
    return [sum((line[j] * ui for line, ui in zip(plan, u)), 0.0) for j in range(len(plan[0]))]


def row_sums(plan, v):
    """Σ_j P_ij v_j, the columns in order."""
    return [sum((x * vj for x, vj in zip(line, v)), 0.0) for line in plan]


def row_products(matrix, x):
    """matrix x."""
    return row_sums(matrix, x)


def column_products(matrix, x):
    """matrix' x."""
    return col_sums(matrix, x)


def row_products_parallel(matrix, x):
    """The same: which thread takes a row does not matter."""
    return row_products(matrix, x)


def column_products_parallel(matrix, x):
    """matrix' x as the sum of those of 16 blocks of rows."""
    n, total = len(x), [0.0] * len(matrix[0])
    for block in range(16):
        part = add_rows(matrix, x, block * n // 16, (block + 1) * n // 16, [0.0] * len(total))
        total = [a + b for a, b in zip(total, part)]
    return total


def add_rows(matrix, x, first, last, out):
    """out + Σ_i x_i matrix_i over some rows."""
    for i in range(first, last):
        out = add_row(matrix, i, x[i], out)
    return out


def add_row(matrix, i, x, out):
    """out + x matrix_i."""
    return [old + x * entry for old, entry in zip(out, matrix[i])]


def add_four_rows(matrix, i, xs, out):
    """out + Σ_k x_k matrix_{i+k}."""
    for k, x in enumerate(xs):
        out = add_row(matrix, i + k, x, out)
    return out


def exp(x):
    """e^x."""
    return math.exp(x)
