"""The layer's sweeps in single precision: where they stop telling the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem, make_problem
from sinkdiag.solver.layer import run_sweeps, sweep_plan

# A difference of this share of the mass is a hazard.
HAZARD = 0.01
# The grid without one given, in units of the cost's range.
HIGHEST, LOWEST, POINTS = 1.0, 1e-8, 49


@dataclass(frozen=True, kw_only=True, eq=False)
class Float32Hazard:
    """K sweeps in float32 beside float64, over a grid of temperatures.

    Attributes
    ----------
    eps:
        Temperatures, cost units, descending.
    plan_difference:
        ‖P32 - P64‖_1 / N at each of them.
    row_error_difference:
        | Σ|P32 1 - r| - Σ|P64 1 - r| | / N at each of them.
    hazard_eps:
        The largest temperature at which either exceeds 1 %; nan when none does.
    """

    eps: FloatArray
    plan_difference: FloatArray
    row_error_difference: FloatArray
    hazard_eps: float


def float32_hazard(
    cost: ArrayLike,
    *,
    iters: int = 20,
    eps: Sequence[float] | None = None,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
) -> Float32Hazard:
    """Compare K sweeps in single and double precision.

    The float32 layer works in the log domain, as implementations on accelerators do (see
    `sweep_plan`): its exponent is off by about 6e-8 max|C|/eps.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units.
    iters:
        K, sweeps of the layer.
    eps:
        Temperatures, cost units; default 49 from the cost's range down to 1e-8 of it.
    row, col:
        Marginals; default 1 and n/m.

    Raises
    ------
    InputError
        When the cost or the marginals cannot be used.
    """
    problem = make_problem(cost, row=row, col=col)
    if eps is None:
        grid = problem.cost_range * np.geomspace(HIGHEST, LOWEST, POINTS)
    else:
        grid = np.array(sorted(eps, reverse=True), dtype=np.float64)
    plan_gap, row_gap = np.empty(len(grid)), np.empty(len(grid))
    for k, temperature in enumerate(grid):
        double = run_sweeps(problem, float(temperature), iters).plan
        # What leaves single precision is the finding, not a fault.
        with np.errstate(all="ignore"):
            narrow = sweep_plan(problem, float(temperature), iters, dtype=np.float32)
        single = narrow.astype(np.float64)
        plan_gap[k] = np.abs(single - double).sum() / problem.total
        row_gap[k] = abs(_row_error(single, problem) - _row_error(double, problem))
    # A plan that is no longer a number is a hazard too.
    unsafe = ~((plan_gap <= HAZARD) & (row_gap <= HAZARD))
    hazard = float(grid[unsafe].max()) if unsafe.any() else float("nan")
    return Float32Hazard(
        eps=grid, plan_difference=plan_gap, row_error_difference=row_gap, hazard_eps=hazard
    )


def _row_error(plan: FloatArray, problem: Problem) -> float:
    return float(np.abs(plan.sum(axis=1) - problem.row).sum()) / problem.total
