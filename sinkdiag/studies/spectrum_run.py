"""The measurements behind ``spectrum``: a matrix along a stretch of its temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.derivatives.response import lasting_support
from sinkdiag.jacobian.support import ActiveSupport, support_of
from sinkdiag.problem import Problem
from sinkdiag.progress import Progress
from sinkdiag.results import Solution
from sinkdiag.solver.path import SolvePath
from sinkdiag.studies.spectrum_point import SpectrumPoint, measure_point, unresolved_point
from sinkdiag.studies.spectrum_settings import SpectrumSettings
from sinkdiag.studies.stretches import Stretch

# Rows and columns together up to which the limit support is looked for, O((n + m)^3).
LARGEST_LIMIT = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """The points of a stretch; of the coldest one the components of what stays of the support."""

    points: tuple[SpectrumPoint, ...]
    limit: int | None


def measure_stretch(
    stretch: Stretch,
    progress: Progress,
    *,
    grid: Sequence[float],
    settings: SpectrumSettings,
    solutions: SolvePath,
) -> Measured:
    """The points of a stretch; ``grid`` has all temperatures of the matrix."""
    points: list[SpectrumPoint] = []
    before: ActiveSupport | None = None
    progress("spectrum", 0, stretch.stop - stretch.start)
    for place, solution in stretch.fixed_points(
        grid, solutions, tol=settings.tol, max_iter=settings.max_iter
    ):
        if place < stretch.start:
            before = support_of(solution.plan, settings.theta)
            continue
        try:
            point, before = measure_point(stretch.problem, solution, before, settings)
        except np.linalg.LinAlgError:
            # One decomposition that does not converge costs its own row, not the others.
            point, before = unresolved_point(stretch.problem, solution, before, settings)
        points.append(point)
        progress("spectrum", len(points), stretch.stop - stretch.start)
    limit = _limit(stretch.problem, solution) if stretch.stop == len(grid) else None
    return Measured(points=tuple(points), limit=limit)


def _limit(problem: Problem, coldest: Solution) -> int | None:
    """Components of what stays of the support as eps falls; None where it is not known."""
    if coldest.status.failed or sum(coldest.plan.shape) > LARGEST_LIMIT:
        return None
    lasting = lasting_support(problem, coldest)
    return lasting.components if lasting else None
