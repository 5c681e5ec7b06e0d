"""Slow twins of the solver's numerics: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math

import mpmath

from tests.naive.numerics import col_sums, label_components, log_sum_exp, row_sums


def row_update(cost, g, row, eps):
    return [
        eps * math.log(r) - eps * log_sum_exp([(gj - cij) / eps for gj, cij in zip(g, line)])
        for r, line in zip(row, cost)
    ]


def col_update(cost, f, col, eps):
    columns = list(zip(*cost))
    return row_update(columns, f, col, eps)


def fill_plan(cost, f, g, row, eps):
    """(f, plan) with every row of exp((f + g - C)/eps) scaled to its sum, and f with it."""
    new_f, plan = [], []
    for line, fi, r in zip(cost, f, row):
        weights = [math.exp((fi + gj - cij) / eps) for gj, cij in zip(g, line)]
        scale = r / math.fsum(weights)
        new_f.append(fi + eps * math.log(scale))
        plan.append([scale * weight for weight in weights])
    return new_f, plan


def exponentials(line, g, top, eps):
    """exp((g_j - C_ij - top)/eps) along a row."""
    return [math.exp((gj - cij - top) / eps) for gj, cij in zip(g, line)]


def normalise(line, mass, top, total, eps):
    """(f_i, the row) so that a row whose sum is ``total`` sums to its mass."""
    scale = mass / total
    return eps * math.log(scale) - top, [scale * weight for weight in line]


def build_rows(cost, g, row, eps, first):
    """(f, rows of the plan) of four rows, or those that are left."""
    found = []
    for line, mass in zip(cost[first : first + 4], row[first : first + 4]):
        top = max(gj - cij for gj, cij in zip(g, line))
        weights = exponentials(line, g, top, eps)
        found.append(normalise(weights, mass, top, math.fsum(weights), eps))
    return [f for f, _ in found], [line for _, line in found]


def build(cost, g, row, eps):
    """(f, plan), row by row."""
    (*f,) = row_update(cost, g, row, eps)
    return f, [
        [math.exp((fi + gj - cij) / eps) for gj, cij in zip(g, line)] for fi, line in zip(f, cost)
    ]


def build_parallel(cost, g, row, eps):
    """The same: which thread takes a row does not matter."""
    return build(cost, g, row, eps)


def linear_sweep(plan, row, col, u):
    """(u, v) with v = c/(P'u) and then u = r/(Pv)."""
    v = [c / total for c, total in zip(col, col_sums(plan, u))]
    return [r / total for r, total in zip(row, row_sums(plan, v))], v


def absorb(f, g, u, v, eps):
    """(f, g) with the factors taken up."""
    return (
        [fi + eps * math.log(ui) for fi, ui in zip(f, u)],
        [gj + eps * math.log(vj) for gj, vj in zip(g, v)],
    )


def carry(cost, row, col, eps, count, g):
    """The g after ``count`` sweeps."""
    return sweeps(cost, row, col, eps, count, g)[1]


def sweeps(cost, row, col, eps, count, g):
    """(f, g, plan) after ``count`` sweeps from g and a last update of f, all in the log domain."""
    f = row_update(cost, g, row, eps)
    for _ in range(count):
        g = col_update(cost, f, col, eps)
        f = row_update(cost, g, row, eps)
    plan = [
        [math.exp((fi + gj - cij) / eps) for gj, cij in zip(g, line)] for fi, line in zip(f, cost)
    ]
    return f, g, plan


def sweep_all(costs, row, col, eps, count, g):
    """(f, g, plan) of each matrix of a stack."""
    return [sweeps(cost, row, col, e, count, start) for cost, e, start in zip(costs, eps, g)]


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


def count_above(kernel, u, v, floor):
    """Running sums, from 0, of the entries u_i K_ij v_j >= floor_j of each row."""
    starts = [0]
    for line, ui in zip(kernel, u):
        starts.append(starts[-1] + sum(ui * x * vj >= low for x, vj, low in zip(line, v, floor)))
    return starts


def take_above(kernel, u, v, floor):
    """(column, value) of every such entry, row by row."""
    return [
        (j, ui * x * vj)
        for line, ui in zip(kernel, u)
        for j, (x, vj, low) in enumerate(zip(line, v, floor))
        if ui * x * vj >= low
    ]


def label_parts(kernel, u, v, row, col, link):
    """The components of {u_i K_ij v_j >= link min(r_i, c_j)}: rows, then columns."""
    return label_components(
        [
            [ui * x * vj >= link * min(r, c) for x, vj, c in zip(line, v, col)]
            for line, ui, r in zip(kernel, u, row)
        ]
    )


def solve_definite(matrix, rhs):
    """(L, x) with L L' = matrix, lower triangular, and matrix x = rhs."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = rest**0.5 if i == j else rest / lower[j][j]
    x = list(rhs)
    for i in range(size):
        x[i] = (x[i] - sum(lower[i][k] * x[k] for k in range(i))) / lower[i][i]
    for i in reversed(range(size)):
        x[i] = (x[i] - sum(lower[k][i] * x[k] for k in range(i + 1, size))) / lower[i][i]
    return lower, x


def column_residual(plan, u, v, col):
    """sqrt(Σ_j (v_j Σ_i u_i P_ij - c_j)²/c_j)."""
    sums = [vj * math.fsum(ui * line[j] for ui, line in zip(u, plan)) for j, vj in enumerate(v)]
    return math.sqrt(math.fsum((s - c) ** 2 / c for s, c in zip(sums, col)))


def sweep_residuals(cost, row, col, eps, count, g):
    """The residual after 0, 1, … ``count`` sweeps from g and a last update of f."""
    chi = []
    for t in range(count + 1):
        plan = sweeps(cost, row, col, eps, t, g)[2]
        chi.append(column_residual(plan, [1.0] * len(row), [1.0] * len(col), col))
    return chi


def plan_residuals(plan, row, col, count):
    """The same with the plan as kernel: that of cost -log P at eps = 1."""
    cost = [[-math.log(x) if x > 0 else math.inf for x in line] for line in plan]
    return sweep_residuals(cost, row, col, 1.0, count, [0.0] * len(col))


def exponents(cost, g, scale, lowest):
    """((a_i + b_j - X_ij)/eps or -inf below ``lowest``, a, b), scale = -1/eps."""
    n, m = len(cost), len(g)
    a = [min(cost[i][j] - g[j] for j in range(m)) for i in range(n)]
    b = [min(cost[i][j] - a[i] for i in range(n)) for j in range(m)]
    values = [[scale * (cost[i][j] - a[i] - b[j]) for j in range(m)] for i in range(n)]
    return [[x if x > lowest else -math.inf for x in line] for line in values], a, b


def below(x, limits):
    """Whether |x_j| <= limits_j for all j."""
    return all(abs(value) <= limit for value, limit in zip(x, limits))


def least_difference(x, y):
    """min_j (x_j - y_j)."""
    return min(one - other for one, other in zip(x, y))


def swept_rows(kernel, row, v):
    """r/(E v), and E' times that."""
    u = [mass / total for mass, total in zip(row, row_sums(kernel, v))]
    return u, col_sums(kernel, u)


def pulled_rows(kernel, share, scale):
    """-scale∘(E share), and E' times that."""
    x = [-factor * total for factor, total in zip(scale, row_sums(kernel, share))]
    return x, col_sums(kernel, x)


def swept(kernel, row, col, count, v):
    """(u, v) of every sweep: lists of count + 1 vectors each, from v_0 = ``v``."""
    us, vs = [], [list(v)]
    for _ in range(count):
        u, sums = swept_rows(kernel, row, vs[-1])
        us.append(u)
        vs.append([mass / total for mass, total in zip(col, sums)])
    return [*us, swept_rows(kernel, row, vs[-1])[0]], vs


def scaled(kernel, u, v):
    """diag(u) E diag(v)."""
    return [[u[i] * kernel[i][j] * v[j] for j in range(len(v))] for i in range(len(u))]


def gathered(kernel, us, vs, left, right, weighted):
    """E∘Σ_t (left_t v_t' + u_t right_t') - W."""
    terms = list(zip(left, vs, us, right))
    sums = [
        [sum(x[i] * v[j] + u[i] * y[j] for x, v, u, y in terms) for j in range(len(vs[0]))]
        for i in range(len(kernel))
    ]
    return [[e * s - w for e, s, w in zip(*lines)] for lines in zip(kernel, sums, weighted)]


def pulled_back(kernel, row, col, us, vs, weighted):
    """(left, right) by the chain rule through log u and log v, half-sweep by half-sweep."""
    n, m, count = len(row), len(col), len(us) - 1
    f, g = [sum(line) for line in weighted], [sum(column) for column in zip(*weighted)]
    left = [[0.0] * n for _ in range(count + 1)]
    right = [[0.0] * m for _ in range(count + 1)]
    left[count] = [f[i] * us[count][i] / row[i] for i in range(n)]
    # log u_i = log r_i - log Σ_j E_ij v_j passes -u_i E_ij v_j f_i/r_i on to log v_j.
    sums = col_sums(kernel, left[count])
    g = [old - v * total for old, v, total in zip(g, vs[count], sums)]
    for t in range(count - 1, -1, -1):
        right[t] = [g[j] * vs[t + 1][j] / col[j] for j in range(m)]
        f = [-u * total for u, total in zip(us[t], row_sums(kernel, right[t]))]
        left[t] = [f[i] * us[t][i] / row[i] for i in range(n)]
        g = [-v * total for v, total in zip(vs[t], col_sums(kernel, left[t]))]
    return left, right
