"""The measurements behind ``sensitivity``: a batch, or a matrix and its jittered copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from sinkdiag.checks import MOST_REPLICATES, check_count, check_share
from sinkdiag.derivatives.response import Respond, Response, respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.parallel.workers import Workers
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.results import worst
from sinkdiag.solver.path import SolvePath, solve_path
from sinkdiag.studies.judged import JudgedPart, freeze_of, judged_part
from sinkdiag.studies.sensitivity_row import Measured, Rate, sensitivity_rows
from sinkdiag.studies.stretches import Stretch, measure_stretches, stretches_of
from sinkdiag.studies.subjects import Case
from sinkdiag.temperature import Temperatures

FoundT = TypeVar("FoundT")

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
    workers: Workers,
    temperatures: Temperatures,
    settings: SensitivitySettings,
    means: Means,
) -> tuple[JudgedPart]:
    """A batch whose members are replicates of each other, or one matrix with jittered copies."""
    grid = temperatures.grid(case.problems, AUTO_COUNT)
    shares = _shares(case, len(grid), settings, workers)
    measure = partial(_measure, grid=grid, settings=settings, means=means)
    found = measure_stretches(workers, shares, measure, progress)
    curves = _joined(shares, [each.curve for each in found])
    rates = _joined(shares, [each.rates for each in found])
    members = len(case.problems)
    measured = Measured(
        eps=np.array(grid),
        curves=curves[:members],
        spread=curves if members > 1 else curves[1:] if settings.extended else (),
        rates=rates if members > 1 else rates[1:],
    )
    freezes = [each.freeze for each in found if each.freeze is not None]
    rows = sensitivity_rows(measured)
    return (judged_part(case, rows, curves[:members], claims=settings.claims, freezes=freezes),)


@dataclass(frozen=True, kw_only=True)
class _Share(Stretch):
    """A stretch of one matrix, the ``number``-th: a member of a batch, or a jittered copy.

    ``copy``: 0 for a matrix as it was given, k for its k-th jittered copy.
    """

    number: int
    copy: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """Responses and gaps along a stretch; of a matrix's first one where its sweeps freeze."""

    curve: tuple[Response, ...]
    rates: tuple[Rate, ...]
    freeze: float | None = None


def _shares(
    case: Case, count: int, settings: SensitivitySettings, workers: Workers
) -> list[_Share]:
    """A batch by its members; one matrix by its temperatures, then its jittered copies whole."""
    if len(case.problems) > 1:
        return [
            _Share(
                label=replace(case.label, index=index),
                name=each.name,
                problems=(each,),
                start=0,
                stop=count,
                number=index,
            )
            for index, each in enumerate(case.problems)
        ]
    stretches = stretches_of(case, count, workers)
    own = [(stretch.start, stretch.stop, 0) for stretch in stretches]
    copies = [(0, count, copy) for copy in range(1, settings.replicates + 1)]
    return [
        _Share(
            label=case.label,
            name=case.name,
            problems=case.problems,
            start=start,
            stop=stop,
            number=copy,
            copy=copy,
        )
        for start, stop, copy in (*own, *copies)
    ]


def _joined(
    shares: Sequence[_Share], found: Sequence[tuple[FoundT, ...]]
) -> tuple[tuple[FoundT, ...], ...]:
    """What was found along the stretches of each matrix, matrix by matrix."""
    joined: dict[int, tuple[FoundT, ...]] = {}
    for share, some in zip(shares, found, strict=True):
        joined[share.number] = (*joined.get(share.number, ()), *some)
    return tuple(joined.values())


def _measure(
    share: _Share,
    progress: Progress,
    *,
    grid: Sequence[float],
    settings: SensitivitySettings,
    means: Means,
) -> _Found:
    if share.copy:
        share = replace(share, problems=(_jittered(share.problem, settings, share.copy),))
    curve: list[Response] = []
    rates: list[Rate] = []
    for place, solution in share.fixed_points(
        grid, means.solutions, tol=settings.tol, max_iter=settings.max_iter
    ):
        if place < share.start:
            continue
        if share.copy and not settings.extended:
            gap, status = plan_gap(solution.plan, solution.row, solution.col)
            rates.append(Rate(gap=gap, status=worst([solution.status, status])))
        else:
            response = means.responses(
                share.problem,
                solution,
                factor_block(solution.plan),
                seed=settings.seed,
                extended=settings.extended,
            )
            curve.append(response)
            rates.append(Rate(gap=response.gap, status=response.status))
        progress("sensitivity", len(rates), share.stop - share.start)
    first = share.start == 0 and not share.copy
    freeze = freeze_of(share.problem) if first else None
    return _Found(curve=tuple(curve), rates=tuple(rates), freeze=freeze)


def _jittered(problem: Problem, settings: SensitivitySettings, copy: int) -> Problem:
    """The copy-th one, with Gaussian jitter of JITTER·std of the finite costs on finite entries."""
    rng = np.random.default_rng(settings.seed)
    finite = np.isfinite(problem.cost)
    scale = JITTER * float(problem.cost[finite].std())
    for _ in range(copy):
        jitter = rng.standard_normal(finite.shape)
    return replace(
        problem,
        cost=np.where(finite, problem.cost + scale * jitter, np.inf),
        name=f"{problem.name} (replicate {copy - 1})",
    )
