"""Slow twins of the compiled kernels: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math

from tests.naive.solver import sweeps


def frobenius(first, second):
    return math.sqrt(
        math.fsum((a - b) ** 2 for one, two in zip(first, second) for a, b in zip(one, two))
    )


def track_step(cost, row, col, eps, iters, g, previous):
    """(drift, f, g, plan): the sweeps, and how far the plan is from the one before."""
    f, g, plan = sweeps(cost, row, col, eps, iters, g)
    return frobenius(plan, previous), f, g, plan
