"""The optimal plan without entropy: an assignment, or a linear program."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem

# Plans whose costs differ by less than this share of the range, per unit of mass, are tied.
TIE = 1e-9


def optimal_plan(problem: Problem) -> FloatArray:
    """A plan P (n, m) that minimises <C, P> with P1 = r, P'1 = c, P >= 0; a vertex.

    With equal masses on as many rows as columns it is an assignment (SciPy's
    ``linear_sum_assignment``), else the solution of a linear program (HiGHS). +inf costs are never
    used.

    Raises
    ------
    InputError
        When forbidden pairs leave no plan.
    """
    return _minimise(problem, problem.cost)


def is_tied(problem: Problem, plan: FloatArray) -> bool:
    """Whether some other vertex costs as little as ``plan``, to `TIE` of the range.

    The pairs of ``plan`` are made that much dearer: a unique optimum stays what it is.
    """
    dearer = problem.cost + TIE * problem.cost_range * (plan > 0.0)
    return bool(np.abs(_minimise(problem, dearer) - plan).max() > TIE * plan.max())


def transport_cost(problem: Problem, plan: FloatArray) -> float:
    """<C, P> in cost units times mass; pairs without mass count nothing, forbidden or not."""
    used = plan > 0.0
    return float((problem.cost[used] * plan[used]).sum())


def _minimise(problem: Problem, cost: FloatArray) -> FloatArray:
    n, m = cost.shape
    row, col = problem.row, problem.col
    if n == m and np.all(row == row[0]) and np.allclose(col, row[0], rtol=1e-12, atol=0.0):
        return _assignment(problem, cost)
    return _program(problem, cost)


def _assignment(problem: Problem, cost: FloatArray) -> FloatArray:
    from scipy.optimize import linear_sum_assignment

    try:
        rows, cols = linear_sum_assignment(cost)
    except ValueError as error:
        raise _no_plan(problem) from error
    plan = np.zeros_like(cost)
    plan[rows, cols] = problem.row[rows]
    return plan


def _program(problem: Problem, cost: FloatArray) -> FloatArray:
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    n, m = cost.shape
    rows, cols = np.nonzero(np.isfinite(cost))
    pairs = np.arange(len(rows))
    sides = np.concatenate([rows, n + cols])
    constraints = csr_array(
        (np.ones(2 * len(rows)), (sides, np.concatenate([pairs, pairs]))),
        shape=(n + m, len(rows)),
    )
    masses = np.concatenate([problem.row, problem.col])
    # In units of the range and of the largest mass HiGHS' absolute tolerances mean what they say.
    scale = float(masses.max())
    # SciPy's stubs know no sparse A_eq.
    found = linprog(  # type: ignore[call-overload]
        (cost[rows, cols] - cost[rows, cols].min()) / problem.cost_range,
        A_eq=constraints,
        b_eq=masses / scale,
        method="highs-ds",
    )
    if found.x is None:
        raise _no_plan(problem)
    plan = np.zeros_like(cost)
    plan[rows, cols] = np.maximum(found.x, 0.0) * scale
    return plan


def _no_plan(problem: Problem) -> InputError:
    return InputError(
        problem.name, "forbidden pairs leave no plan with these marginals", "allow more pairs"
    )
