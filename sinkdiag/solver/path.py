"""The one warm-start policy along a grid of temperatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem

# A jump in temperature by more than this factor is bridged by the solver's own continuation.
LARGEST_JUMP = 2.6


class SolvePath(Protocol):
    """What gives a study its fixed points: `solve_path`, or `SharedPath` for several studies."""

    def __call__(
        self,
        problem: Problem,
        grid: Iterable[float],
        *,
        tol: float = DEFAULT_TOL,
        max_iter: int = DEFAULT_MAX_ITER,
    ) -> Iterator[Solution]:
        """One solution for each temperature of a grid, in its order."""


class WarmPath:
    """Fixed points one after another, each started from the one before where that promises help."""

    def __init__(
        self, problem: Problem, *, tol: float = DEFAULT_TOL, max_iter: int = DEFAULT_MAX_ITER
    ) -> None:
        self.problem = problem
        self.tol, self.max_iter = tol, max_iter
        self.last: Solution | None = None

    def at(
        self, eps: float, *, cost: FloatArray | None = None, init: FloatArray | None = None
    ) -> Solution:
        """The fixed point at ``eps``.

        The start is the last solution's g if that solution converged at a temperature within a
        factor `LARGEST_JUMP`, else ``init``, else none. Where a start leads to no fixed point the
        problem is solved without one, and the better of the two is returned.

        Parameters
        ----------
        eps:
            Temperature, cost units.
        cost:
            (n, m), in place of the problem's own: a step of a trajectory.
        init:
            A potential g (m,), cost units, for want of a last solution.
        """
        problem = self.problem if cost is None else replace(self.problem, cost=cost)
        start = self._start(eps, init)
        solution = self._solve(problem, eps, start)
        if solution.status.failed and start is not None:
            cold = self._solve(problem, eps, None)
            if not cold.status.failed or cold.marginal_error < solution.marginal_error:
                solution = cold
        self.last = solution
        return solution

    def _start(self, eps: float, init: FloatArray | None) -> FloatArray | None:
        last = self.last
        if last is None or last.status.failed:
            return init
        jump = max(last.eps / eps, eps / last.eps)
        return last.g if jump <= LARGEST_JUMP else init

    def _solve(self, problem: Problem, eps: float, init: FloatArray | None) -> Solution:
        return solve_problem(problem, eps, tol=self.tol, max_iter=self.max_iter, init=init)


def solve_path(
    problem: Problem,
    grid: Iterable[float],
    *,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
) -> Iterator[Solution]:
    """One solution for each temperature of a grid, in its order; see `WarmPath`."""
    path = WarmPath(problem, tol=tol, max_iter=max_iter)
    for eps in grid:
        yield path.at(eps)


class SharedPath:
    """`solve_path` that solves each problem once at a temperature, whoever asks again.

    A fixed point that was found to a tighter tolerance serves a looser one; one that failed is
    asked for again with other limits. None is solved less accurately than ``tol``, so that one that
    is asked for loosely at first serves all. Everything found is kept as long as this object lives.
    """

    def __init__(self, tol: float = DEFAULT_TOL) -> None:
        self.tol = tol
        # The tolerance and limit that each was found with; problems are themselves only.
        self._found: dict[tuple[Problem, float], tuple[float, int, Solution]] = {}

    def __call__(
        self,
        problem: Problem,
        grid: Iterable[float],
        *,
        tol: float = DEFAULT_TOL,
        max_iter: int = DEFAULT_MAX_ITER,
    ) -> Iterator[Solution]:
        """See `solve_path`."""
        tol = min(tol, self.tol)
        path = WarmPath(problem, tol=tol, max_iter=max_iter)
        for eps in grid:
            known = self._known(problem, eps, tol, max_iter)
            if known is None:
                known = path.at(eps)
                self._found[problem, eps] = (tol, max_iter, known)
            path.last = known
            yield known

    def _known(self, problem: Problem, eps: float, tol: float, max_iter: int) -> Solution | None:
        if (problem, eps) not in self._found:
            return None
        found_tol, found_max_iter, solution = self._found[problem, eps]
        serves = found_tol <= tol and (not solution.status.failed or found_max_iter >= max_iter)
        return solution if serves else None
