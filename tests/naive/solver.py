"""Slow twins of the solver's numerics: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math

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


def fixed_point(cost, eps, row, col, g, digits=200):
    """The plan with marginals row, col in ``digits``-digit arithmetic: Newton from the potential g.

    Everything is taken exactly as given; row and col may be fractions. Returns (plan, f, g).
    """
    with mpmath.workdps(digits):
        eps = mpmath.mpf(eps)
        cost = [[mpmath.mpf(x) for x in line] for line in cost]
        row = [mpmath.mpf(x.numerator) / x.denominator for x in row]
        col = [mpmath.mpf(x.numerator) / x.denominator for x in col]
        g = [mpmath.mpf(x) for x in g]
        size = len(g)
        for _ in range(60):
            plan, f = [], []
            for line, r in zip(cost, row):
                weight = [mpmath.exp((gj - x) / eps) for gj, x in zip(g, line)]
                total = mpmath.fsum(weight)
                f.append(eps * mpmath.log(r / total))
                plan.append([r * w / total for w in weight])
            weights = column_weights(plan, row)
            matrix = mpmath.matrix(size, size)
            for j in range(size):
                for k in range(size):
                    matrix[j, k] = mpmath.fsum(weights[j]) if j == k else -weights[j][k]
            rhs = mpmath.matrix(
                [c - mpmath.fsum(line[j] for line in plan) for j, c in enumerate(col)]
            )
            step = mpmath.lu_solve(matrix[: size - 1, : size - 1], rhs[: size - 1])
            longest = max(abs(x) for x in step)
            damping = mpmath.log(1 + longest) / longest if longest else mpmath.mpf(1)
            for j in range(size - 1):
                g[j] += eps * damping * step[j]
            if longest < mpmath.mpf(10) ** (-40):
                break
        else:
            raise RuntimeError("the reference did not converge")
        return plan, f, g


def entries_above(kernel, u, v, floor):
    """(row, column, value) of every u_i K_ij v_j >= floor_j, row by row."""
    return [
        (i, j, u[i] * x * v[j])
        for i, line in enumerate(kernel)
        for j, x in enumerate(line)
        if u[i] * x * v[j] >= floor[j]
    ]


def parts(plan, row, col, link):
    """The components of {P_ij >= link min(r_i, c_j)} as sets of nodes: rows 0.., columns n.."""
    n, m = len(row), len(col)
    groups = [{k} for k in range(n + m)]
    for i in range(n):
        for j in range(m):
            if plan[i][j] >= link * min(row[i], col[j]):
                a = next(g for g in groups if i in g)
                b = next(g for g in groups if n + j in g)
                if a is not b:
                    a |= b
                    groups.remove(b)
    return groups


def log_aggregate(cost, f, g, eps, row_part, col_part, count):
    """log of the mass exp((f_i + g_j - C_ij)/eps) from each part's rows to each part's columns."""
    total = [[mpmath.mpf(0)] * count for _ in range(count)]
    for line, fi, a in zip(cost, f, row_part):
        for x, gj, b in zip(line, g, col_part):
            total[a][b] += mpmath.exp((mpmath.mpf(fi) + gj - x) / eps)
    return [[float(mpmath.log(x)) if x else -math.inf for x in line] for line in total]


def subtract_product(plan, row, x, image):
    """image - P' diag(1/r) P x, of a plan with all its zeros."""
    masses = [sum(p * t for p, t in zip(line, x)) / r for line, r in zip(plan, row)]
    return [
        start - sum(line[j] * mass for line, mass in zip(plan, masses))
        for j, start in enumerate(image)
    ]


def eliminate_block(shares, flux, low, high):
    """(shares, flux, pivots, net) after nodes high - 1 … max(low, 1) are taken out one by one.

    Node k's weights become shares; whoever it leaves behind (columns below k, rows of the block)
    takes over its links and its fluxes in proportion.
    """
    size = len(shares)
    shares, flux = [list(line) for line in shares], [list(line) for line in flux]
    pivots, net = [0.0] * size, [0.0] * size
    for k in reversed(range(max(low, 1), high)):
        pivots[k], net[k] = sum(shares[k][:k]), sum(flux[k][:k])
        shares[k][:k] = [weight / pivots[k] for weight in shares[k][:k]]
        for i in range(low, k):
            for j in range(k):
                shares[i][j] += pivots[k] * shares[k][i] * shares[k][j]
                flux[i][j] += shares[k][i] * flux[k][j] - flux[k][i] * shares[k][j]
    return shares, flux, pivots, net


def cholesky(matrix):
    """L with L L' = matrix, lower triangular."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = rest**0.5 if i == j else rest / lower[j][j]
    return lower
