"""Fixed points along a descending grid of temperatures, each started from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.solve import solve_problem

# A jump in temperature by more than this is bridged by the solver's own continuation.
_LARGEST_JUMP = 2.6


def solve_path(
    problem: Problem, grid: Sequence[float], *, tol: float, max_iter: int
) -> Iterator[Solution]:
    """One solution for each temperature, warmest first; where a warm start fails, a cold one."""
    last: Solution | None = None
    for eps in grid:
        warm = last is not None and last.eps <= _LARGEST_JUMP * eps and not last.status.failed
        init = last.g if warm and last is not None else None
        solution = solve_problem(problem, eps, tol=tol, max_iter=max_iter, init=init)
        if warm and solution.status.failed:
            solution = solve_problem(problem, eps, tol=tol, max_iter=max_iter)
        last = solution
        yield solution
