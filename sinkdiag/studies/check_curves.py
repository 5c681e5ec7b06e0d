"""The curves of ``check``: what K sweeps leave out along eps, and how many sweeps it takes."""

from __future__ import annotations

from collections.abc import Sequence

from sinkdiag.problem import Problem
from sinkdiag.rendering.figures.check import CheckCurves
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import solve_path
from sinkdiag.solver.truncation import (
    POINT_TOL,
    Start,
    carried,
    cold,
    iters_needed,
    truncation_error,
)
from sinkdiag.studies.check_row import CheckSettings
from sinkdiag.temperature import AUTO_HIGHEST, AUTO_LOWEST, geometric

# Temperatures of the curves, and the most sweeps that the second one looks for.
POINTS, MOST_SWEEPS = 25, 10_000
# The other numbers of sweeps that are drawn, as multiples of K.
_MULTIPLES = (4.0, 1.0, 0.25)


def curves_of(
    problem: Problem, settings: CheckSettings, given: Sequence[float], name: str
) -> CheckCurves:
    """Both curves, from the cost's range (or the warmest eps) to 3e-3 of it (or the coldest)."""
    span, iters = problem.cost_range, settings.iters
    highest = max(AUTO_HIGHEST * span, 1.5 * max(given))
    grid = geometric(highest, min(AUTO_LOWEST * span, min(given) / 1.5), POINTS)
    counts = sorted({max(1, round(factor * iters)) for factor in _MULTIPLES}, reverse=True)
    errors: list[list[float]] = [[] for _ in counts]
    needed = []
    for solution in solve_path(problem, grid, tol=POINT_TOL):
        for count, curve in zip(counts, errors, strict=True):
            init = _start(problem, settings, count)(solution.eps)
            plan = run_sweeps(problem, solution.eps, count, init).plan
            curve.append(truncation_error(plan, solution))
        init = _start(problem, settings, iters)(solution.eps)
        needed.append(iters_needed(problem, solution.eps, init=init, most=MOST_SWEEPS))
    return CheckCurves(
        name=name,
        start=settings.start,
        iters=iters,
        given=list(given),
        eps=grid,
        counts=counts,
        errors=errors,
        needed=needed,
        most=MOST_SWEEPS,
    )


def _start(problem: Problem, settings: CheckSettings, iters: int) -> Start:
    return cold if settings.start == "cold" else carried(problem, iters)
