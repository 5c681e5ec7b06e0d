"""Fixed points to hundreds of digits."""

from __future__ import annotations

import mpmath

from tests.naive.numerics import column_weights


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
