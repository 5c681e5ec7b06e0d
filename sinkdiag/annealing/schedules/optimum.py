"""The exact optimum of a transport problem, and by how much a plan misses it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from sinkdiag.annealing.schedules.rounding import round_plan
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem

# Rows (or columns) of the assignment that a problem with equal masses on each side becomes.
LARGEST_ASSIGNMENT = 4000
# Entries of a linear program; one of 300×300 takes about ten seconds.
LARGEST_PROGRAM = 100_000
_U = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Optimum:
    """The least <C, P> over the transport polytope.

    Attributes
    ----------
    value:
        Cost units times mass; nan where it was not computed.
    resolution:
        What rounding, and the linear program's own gap, leave undecided.
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
        excess = total_cost(problem.cost, rounded) - self.value
        return 0.0 if abs(excess) <= self.resolution else excess


def total_cost(cost: FloatArray, plan: FloatArray) -> float:
    """<C, P>; on one thread, since a product of two vectors is no work for several."""
    return float(np.einsum("ij,ij->", cost, plan))


def optimum_of(problem: Problem) -> Optimum:
    """By linear assignment where all masses of a side are equal, else by a linear program (HiGHS).

    Forbidden pairs are refused: rounding puts mass on every pair.
    """
    cost = problem.cost
    if not np.isfinite(cost).all():
        return _unknown("rounding a plan onto the polytope would use forbidden pairs")
    n, m = cost.shape
    common = math.lcm(n, m)
    if np.ptp(problem.row) == 0.0 and np.ptp(problem.col) == 0.0 and common <= LARGEST_ASSIGNMENT:
        return _by_assignment(problem, common)
    if cost.size > LARGEST_PROGRAM:
        return _unknown(
            f"a linear program of {cost.size:,} entries is beyond the {LARGEST_PROGRAM:,} that "
            "are solved in passing"
        )
    return _by_program(problem)


def _unknown(reason: str) -> Optimum:
    return Optimum(value=math.nan, resolution=math.nan, reason=reason)


def _by_assignment(problem: Problem, common: int) -> Optimum:
    """Every row and column is split into equal parts of mass N/common."""
    n, m = problem.cost.shape
    split = np.repeat(np.repeat(problem.cost, common // n, axis=0), common // m, axis=1)
    rows, columns = scipy.optimize.linear_sum_assignment(split)
    chosen = split[rows, columns]
    share = problem.total / common
    return Optimum(value=share * math.fsum(chosen), resolution=_rounding(problem))


def _by_program(problem: Problem) -> Optimum:
    n, m = problem.cost.shape
    shift = float(problem.cost.min())
    row_sums = scipy.sparse.kron(scipy.sparse.eye(n), np.ones((1, m)))
    col_sums = scipy.sparse.kron(np.ones((1, n)), scipy.sparse.eye(m))
    # SciPy's stubs know no sparse matrices here.
    constraints: Any = scipy.sparse.vstack([row_sums, col_sums]).tocsr()
    scale, total = problem.cost_range, problem.total
    found = scipy.optimize.linprog(
        (problem.cost - shift).ravel() / scale,
        A_eq=constraints,
        b_eq=np.concatenate([problem.row, problem.col]) / total,
        method="highs",
    )
    if found.x is None or found.status != 0:
        return _unknown(f"the linear program did not end ({found.message.strip()})")
    shifted = replace(problem, cost=problem.cost - shift)
    plan = round_plan(total * found.x.reshape(n, m), problem)
    upper = total_cost(shifted.cost, plan)
    # The program's own multipliers, made feasible, bound the optimum from below.
    f = scale * found.eqlin.marginals[:n]
    g = (shifted.cost - f[:, None]).min(axis=0)
    f = (shifted.cost - g).min(axis=1)
    lower = float(problem.row @ f + problem.col @ g)
    return Optimum(
        value=upper + shift * total,
        resolution=max(upper - lower, 0.0) + _rounding(problem),
    )


def _rounding(problem: Problem) -> float:
    """Of <C, P>, a sum of nm products, and of the marginals of a rounded plan."""
    largest = float(np.abs(problem.cost).max())
    return 4.0 * sum(problem.cost.shape) * _U * largest * problem.total
