"""The measurements behind ``sensitivity``: one case along its temperatures, or a shared batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sinkdiag.checks import MOST_REPLICATES, check_count, check_share
from sinkdiag.derivatives.response import Respond, Response, respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.parallel.workers import LostWorker, Workers
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.rendering.table import Label
from sinkdiag.results import Solution, worst
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.judged import JudgedPart, freeze_of, judged_part
from sinkdiag.studies.sensitivity_row import Measured, Rate, sensitivity_rows
from sinkdiag.studies.subjects import Case
from sinkdiag.studies.units import lost
from sinkdiag.temperature import Temperatures

# Temperatures of the automatic grid.
AUTO_COUNT = 25
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


@dataclass(frozen=True, kw_only=True)
class Means:
    """What gives fixed points, and their derivatives."""

    solutions: SolvePath = solve_path
    responses: Respond = respond


def measure_case(
    case: Case,
    progress: Progress,
    *,
    temperatures: Temperatures,
    settings: SensitivitySettings,
    means: Means,
) -> tuple[JudgedPart]:
    """A batch whose members are replicates of each other, or one matrix with jittered copies."""
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    measured = _Runs(grid, settings, means, progress).measure(case)
    rows = sensitivity_rows(measured)
    return (judged_part(case, rows, measured.curves, claims=settings.claims),)


def measure_batch(
    case: Case,
    progress: Progress,
    *,
    temperatures: Temperatures,
    settings: SensitivitySettings,
    means: Means,
    workers: Workers,
) -> tuple[JudgedPart]:
    """A batch, each of whose members is measured wherever there is a worker."""
    if len(case.problems) == 1:
        return measure_case(
            case, progress, temperatures=temperatures, settings=settings, means=means
        )
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    members = [
        Case(label=Label(source=case.label.source, index=index), name=each.name, problems=(each,))
        for index, each in enumerate(case.problems)
    ]
    found: list[_Member] = []
    measure = partial(_member, grid=grid, settings=settings, means=means)
    for member, made in zip(members, workers.map(measure, members, progress), strict=True):
        if isinstance(made, LostWorker):
            raise lost(member)
        found.append(made)
    curves = tuple(each.curve for each in found)
    measured = Measured(eps=np.array(grid), curves=curves, spread=curves, rates=rates_of(curves))
    freezes = [each.freeze for each in found]
    rows = sensitivity_rows(measured)
    return (judged_part(case, rows, curves, claims=settings.claims, freezes=freezes),)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Member:
    """One matrix of a batch: its responses along eps, and where its sweeps freeze."""

    curve: tuple[Response, ...]
    freeze: float


def _member(
    case: Case,
    progress: Progress,
    *,
    grid: Sequence[float],
    settings: SensitivitySettings,
    means: Means,
) -> _Member:
    runs = _Runs(grid, settings, means, progress)
    runs.total = len(grid)
    return _Member(curve=runs.curve(case.problem), freeze=freeze_of(case.problem))


def rates_of(curves: Sequence[Sequence[Response]]) -> tuple[tuple[Rate, ...], ...]:
    """The gaps of measured curves."""
    return tuple(
        tuple(Rate(gap=each.gap, status=each.status) for each in curve) for curve in curves
    )


class _Runs:
    """The measurements of one case on its grid, and how far they have come."""

    def __init__(
        self,
        grid: Sequence[float],
        settings: SensitivitySettings,
        means: Means,
        progress: Progress,
    ) -> None:
        self.grid, self.settings, self.progress = grid, settings, progress
        self.means = means
        self.done = self.total = 0

    def measure(self, case: Case) -> Measured:
        """Members of a batch are replicates of each other; a single matrix has jittered ones."""
        extended = self.settings.extended
        problems = case.problems
        copies = () if len(problems) > 1 else _jittered(case.problem, self.settings)
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
            self.means.responses(
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
        for solution in self.means.solutions(problem, self.grid, tol=tol, max_iter=max_iter):
            yield solution
            self.done += 1
            self.progress("sensitivity", self.done, self.total)


def _jittered(problem: Problem, settings: SensitivitySettings) -> tuple[Problem, ...]:
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
