"""The shortest schedule of a given form that is safe: what a user would do without a controller."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sinkdiag.annealing.learning.paces import LengthPace
from sinkdiag.annealing.learning.trials import Panel, Trials

Form = Literal["exponential", "linear", "quadratic"]
# Lengths are tried on a grid of this ratio; a length is robust if the next two are safe as well,
# its multiples by 1.05 and 1.1.
RATIO = 1.05
RUN = 3


@dataclass(frozen=True, kw_only=True)
class Shortest:
    """The shortest robustly safe length, in steps (inf: none within the budget), and the longest
    one below it that is not safe (0: none).
    """

    steps: float
    longest_unsafe: int


def lengths(budget: int) -> tuple[int, ...]:
    """Numbers of steps on the grid, 1 to below ``budget``: arrival must come before it."""
    count = 1 + int(math.log(max(budget, 2)) / math.log(RATIO))
    grid = sorted({round(RATIO**power) for power in range(count + 1)})
    return tuple(steps for steps in grid if steps < budget)


def shortest_safe(trials: Trials, panel: Panel, form: Form, weight: float) -> Shortest:
    """By the same fates as the slopes, on the same replicates.

    A length and the next two on the grid must be safe. Fates are not monotone, so the search goes
    up from the shortest; where the third of a run fails, the two before it need not be tried.
    """
    course = trials.course
    grid = lengths(course.max_steps)

    def is_safe(index: int) -> bool:
        pace = LengthPace(
            eps_start=course.eps_start, eps_min=course.eps_min, steps=grid[index], form=form
        )
        trials.race([pace], panel, weight)
        return trials.is_safe(pace, panel)

    first = first_run(is_safe, len(grid))
    if first is None:
        return Shortest(steps=math.inf, longest_unsafe=grid[-1])
    return Shortest(steps=grid[first], longest_unsafe=grid[first - 1] if first else 0)


def first_run(holds: Callable[[int], bool], count: int) -> int | None:
    """The least i with ``holds`` at i, i + 1, ..., i + RUN - 1, all below ``count``."""
    first = 0
    while first + RUN <= count:
        # From behind: a failure rules out every run that contains it.
        fails = next((i for i in range(first + RUN - 1, first - 1, -1) if not holds(i)), None)
        if fails is None:
            return first
        first = fails + 1
    return None
