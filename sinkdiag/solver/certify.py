"""What a returned plan is worth: its marginals and its duality gap."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.results import Solution


def marginal_error(plan: FloatArray, row: FloatArray, col: FloatArray) -> float:
    """Max over both sides of |P's marginal - the asked one|, relative to the asked one."""
    row_error = np.abs(plan.sum(axis=1) / row - 1.0).max()
    col_error = np.abs(plan.sum(axis=0) / col - 1.0).max()
    return float(max(row_error, col_error))


def duality_gap(solution: Solution) -> float:
    """Primal minus dual objective of the returned pair, in cost units times mass.

    With <C, P> + eps Σ P (log P - 1) and <f, r> + <g, c> - eps ΣP the gap at
    P = exp((f ⊕ g - C)/eps) is <f, P1 - r> + <g, P'1 - c>: it is evaluated in this form, without
    the cancellation of the two objectives. Rows are exact, so the second term is what counts; g is
    taken mean-free, as the total mass is exact. The sign is free where the plan is not feasible.
    """
    plan = solution.plan
    f, g = solution.f, solution.g - solution.g.mean()
    row_excess = plan.sum(axis=1) - solution.row
    col_excess = plan.sum(axis=0) - solution.col
    return float((f - f.mean()) @ row_excess + g @ col_excess)
