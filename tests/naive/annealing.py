"""Slow twins of the compiled kernels: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math


def log_sum_exp(values):
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def row_update(cost, g, row, eps):
    return [
        eps * math.log(r) - eps * log_sum_exp([(gj - cij) / eps for gj, cij in zip(g, line)])
        for r, line in zip(row, cost)
    ]


def col_update(cost, f, col, eps):
    columns = list(zip(*cost))
    return row_update(columns, f, col, eps)


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


def frobenius(first, second):
    return math.sqrt(
        math.fsum((a - b) ** 2 for one, two in zip(first, second) for a, b in zip(one, two))
    )


def track_step(cost, row, col, eps, iters, g, previous):
    """(drift, f, g, plan): the sweeps, and how far the plan is from the one before."""
    f, g, plan = sweeps(cost, row, col, eps, iters, g)
    return frobenius(plan, previous), f, g, plan
