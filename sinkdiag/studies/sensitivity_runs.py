"""The measurements of ``sensitivity``: responses along eps, of a matrix, its copies, a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.checks import MOST_REPLICATES, check_count, check_share
from sinkdiag.derivatives.response import Respond, Response, respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.results import Solution, worst
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.judged import freeze_of
from sinkdiag.studies.sensitivity_row import Measured, Rate
from sinkdiag.studies.subjects import Case

# Standard deviation of a replicate's jitter, relative to that of the costs.
JITTER = 1e-2


@dataclass(frozen=True, kw_only=True)
class SensitivitySettings:
    """How many jittered copies, how fixed points are found, and whether columns are extended.

    ``extended`` measures the replicates as fully as the matrix itself, for standard deviations;
    ``claims`` tells each of the paper's claims.
    """

    replicates: int = 5
    tol: float = 1e-12
    max_iter: int = 10_000
    seed: int = 0
    extended: bool = False
    claims: bool = False

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        check_count("replicates", self.replicates, 2, MOST_REPLICATES)
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)
        check_count("seed", self.seed, 0)


class Runs:
    """The measurements of one case on its grid, and how far they have come."""

    def __init__(
        self, grid: Sequence[float], settings: SensitivitySettings, progress: Progress
    ) -> None:
        self.grid, self.settings, self.progress = grid, settings, progress
        self.solutions: SolvePath = solve_path
        self.responses: Respond = respond
        self.done = self.total = 0

    def measure(self, case: Case) -> Measured:
        """Members of a batch are replicates of each other; a single matrix has jittered ones."""
        extended = self.settings.extended
        problems = case.problems
        copies = () if len(problems) > 1 else jittered(case.problem, self.settings)
        self.total = (len(problems) + len(copies)) * len(self.grid)
        curves = tuple(self.curve(problem) for problem in problems)
        if copies:
            spread = tuple(self.curve(copy) for copy in copies) if extended else ()
        else:
            spread = curves
        return Measured(
            eps=np.array(self.grid),
            curves=curves,
            spread=spread,
            rates=rates_of(spread) or tuple(self.rates(copy) for copy in copies),
        )

    def curve(self, problem: Problem) -> tuple[Response, ...]:
        """Everything, at each temperature."""
        return tuple(
            self.responses(
                problem,
                solution,
                factor_block(solution.plan),
                seed=self.settings.seed,
                extended=self.settings.extended,
            )
            for solution in self._solutions(problem)
        )

    def rates(self, problem: Problem) -> tuple[Rate, ...]:
        """The gap alone, with the gravest status, at each temperature."""
        found = []
        for solution in self._solutions(problem):
            gap, status = plan_gap(solution.plan, solution.row, solution.col)
            found.append(Rate(gap=gap, status=worst([solution.status, status])))
        return tuple(found)

    def _solutions(self, problem: Problem) -> Iterator[Solution]:
        tol, max_iter = self.settings.tol, self.settings.max_iter
        for solution in self.solutions(problem, self.grid, tol=tol, max_iter=max_iter):
            yield solution
            self.done += 1
            self.progress("sensitivity", self.done, self.total)


def jittered(problem: Problem, settings: SensitivitySettings) -> tuple[Problem, ...]:
    """Copies with Gaussian jitter of JITTER·std of the finite costs on every finite entry."""
    rng = np.random.default_rng(settings.seed)
    finite = np.isfinite(problem.cost)
    scale = JITTER * float(problem.cost[finite].std())
    return tuple(
        replace(
            problem,
            cost=np.where(finite, problem.cost + scale * rng.standard_normal(finite.shape), np.inf),
            name=f"{problem.name} (replicate {k})",
        )
        for k in range(settings.replicates)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One matrix of a batch: its responses along eps, and where its sweeps freeze."""

    curve: tuple[Response, ...]
    freeze: float


def measure_member(
    case: Case, progress: Progress, *, grid: Sequence[float], settings: SensitivitySettings
) -> Member:
    """Measure one of them."""
    runs = Runs(grid, settings, progress)
    runs.total = len(grid)
    return Member(curve=runs.curve(case.problem), freeze=freeze_of(case.problem))


def rates_of(curves: Sequence[Sequence[Response]]) -> tuple[tuple[Rate, ...], ...]:
    """The gaps of measured curves."""
    return tuple(
        tuple(Rate(gap=each.gap, status=each.status) for each in curve) for curve in curves
    )
