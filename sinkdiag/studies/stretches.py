"""A case whose temperatures several workers share, each a stretch of neighbours.

Every worker follows the path of fixed points from its warm end on, as one run does, so that each
point is measured on the same digits. Solving is small beside measuring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

from sinkdiag.errors import InputError
from sinkdiag.parallel.workers import LostWorker, Workers
from sinkdiag.progress import Progress
from sinkdiag.results import Solution
from sinkdiag.solver.path import SolvePath
from sinkdiag.studies.subjects import Case
from sinkdiag.studies.units import attempt, lost

FoundT = TypeVar("FoundT")
StretchT = TypeVar("StretchT", bound="Stretch")

# Stretches for each worker: colder ones may take longer, and every one solves those before it.
PIECES = 2


@dataclass(frozen=True, kw_only=True)
class Stretch(Case):
    """A case and the places ``start <= t < stop`` of its temperatures, warmest first."""

    start: int
    stop: int

    def fixed_points(
        self, grid: Sequence[float], solutions: SolvePath, *, tol: float, max_iter: int
    ) -> Iterator[tuple[int, Solution]]:
        """Its places and solutions, and before them those of the place before, if there is one."""
        found = solutions(self.problem, grid[: self.stop], tol=tol, max_iter=max_iter)
        for place, solution in enumerate(found):
            if place >= self.start - 1:
                yield place, solution


def cut(count: int, pieces: int) -> list[tuple[int, int]]:
    """So many places in stretches of almost equal length, none of them empty."""
    pieces = min(pieces, count)
    ends = [piece * count // pieces for piece in range(pieces + 1)]
    return list(pairwise(ends))


def stretches_of(case: Case, count: int, workers: Workers) -> list[Stretch]:
    """The case with its ``count`` temperatures cut for the workers; one stretch for one worker."""
    pieces = PIECES * workers.count if workers.count > 1 else 1
    return [
        Stretch(label=case.label, name=case.name, problems=case.problems, start=start, stop=stop)
        for start, stop in cut(count, pieces)
    ]


def measure_stretches(
    workers: Workers,
    stretches: Sequence[StretchT],
    measure: Callable[[StretchT, Progress], FoundT],
    progress: Progress,
) -> list[FoundT]:
    """What ``measure`` finds on every stretch, in order.

    Raises
    ------
    InputError
        That of the first stretch that cannot be measured, or whose worker died twice.
    """
    found: list[FoundT] = []
    made = workers.map(partial(attempt, measure), stretches, progress)
    for stretch, outcome in zip(stretches, made, strict=True):
        if isinstance(outcome, LostWorker):
            raise lost(stretch)
        if isinstance(outcome, InputError):
            raise outcome
        found.append(outcome)
    return found


def measure_along(
    workers: Workers,
    case: Case,
    grid: Sequence[float],
    measure: Callable[[Stretch, Progress], FoundT],
    progress: Progress,
) -> list[FoundT]:
    """`measure_stretches` on those of a whole grid of temperatures."""
    stretches = stretches_of(case, len(grid), workers)
    return measure_stretches(workers, stretches, measure, progress)
