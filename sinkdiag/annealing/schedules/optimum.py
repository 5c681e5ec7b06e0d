"""The exact optimum of a transport problem, and by how much a plan misses it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.schedules.rounding import round_plan
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.solver.exact import optimal_plan, transport_cost

# Entries beyond which the optimum is not computed in passing: an assignment, a linear program.
LARGEST_ASSIGNMENT, LARGEST_PROGRAM = 4_000_000, 400_000
_U = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Optimum:
    """The least <C, P> over the transport polytope.

    Attributes
    ----------
    value:
        Cost units times mass; nan where it was not computed.
    resolution:
        What rounding leaves undecided, and by how much the optimum may miss its own dual bound.
    reason:
        Why there is no value, or empty.
    """

    value: float
    resolution: float
    reason: str = ""

    def suboptimality(self, plan: FloatArray, problem: Problem) -> float:
        """<C, rounded plan> - optimum; 0 where that is below the resolution, nan if unknown."""
        if math.isnan(self.value):
            return math.nan
        rounded = round_plan(plan, problem)
        # On one thread: a product of two vectors is no work for several.
        excess = float(np.einsum("ij,ij->", problem.cost, rounded)) - self.value
        return 0.0 if abs(excess) <= self.resolution else excess


def optimum_of(problem: Problem) -> Optimum:
    """The optimal plan's cost, with a dual bound that vouches for it.

    Forbidden pairs are refused: rounding puts mass on every pair.
    """
    cost = problem.cost
    if not np.isfinite(cost).all():
        return _unknown("rounding a plan onto the polytope would use forbidden pairs")
    square = cost.shape[0] == cost.shape[1] and np.ptp(problem.row) == np.ptp(problem.col) == 0.0
    if cost.size > (LARGEST_ASSIGNMENT if square else LARGEST_PROGRAM):
        return _unknown(f"the exact optimum of {cost.size:,} costs takes too long")
    plan = optimal_plan(problem)
    value = transport_cost(problem, round_plan(plan, problem))
    f, g = _multipliers(cost, plan > 0.0)
    lower = math.fsum([*(problem.row * f), *(problem.col * g)])
    rounding = 4.0 * sum(cost.shape) * _U * float(np.abs(cost).max()) * problem.total
    return Optimum(value=value, resolution=max(value - lower, 0.0) + rounding)


def _unknown(reason: str) -> Optimum:
    return Optimum(value=math.nan, resolution=math.nan, reason=reason)


def _multipliers(
    cost: FloatArray, used: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> tuple[FloatArray, FloatArray]:
    """Multipliers f (n,), g (m,): f_i + g_j <= C_ij, with equality on the used pairs of an optimum.

    Shortest paths from all rows at once over the pairs, used ones in both directions (Bellman and
    Ford): f is minus the distance of a row, g that of a column.
    """
    back = np.where(used, -cost, np.inf)
    rows = np.zeros(len(cost))
    for _ in range(sum(cost.shape)):
        columns = (rows[:, None] + cost).min(axis=0)
        nearer = np.minimum(rows, (columns + back).min(axis=1))
        if np.array_equal(nearer, rows):
            break
        rows = nearer
    return -rows, (rows[:, None] + cost).min(axis=0)
