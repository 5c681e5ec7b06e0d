"""The shortest safe schedules of given forms: what a user would do without a controller."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
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


def shortest_safe(
    trials: Trials, panel: Panel, forms: Sequence[Form], weight: float
) -> tuple[Shortest, ...]:
    """Of each form, by the same fates as the slopes, on the same replicates.

    A length and the next two on the grid must be safe. Fates are not monotone, so the search goes
    up from the shortest. All forms are searched side by side: they meet the same noise, which on
    large matrices takes as long to draw as a step.
    """
    course = trials.course
    grid = lengths(course.max_steps)
    found: dict[Form, int | None] = {}
    searches = {form: first_run(len(grid)) for form in forms}
    wanted = {form: next(search) for form, search in searches.items()} if len(grid) >= RUN else {}
    while wanted:
        paces = {
            form: LengthPace(
                eps_start=course.eps_start, eps_min=course.eps_min, steps=grid[index], form=form
            )
            for form, index in wanted.items()
        }
        trials.race(list(paces.values()), panel, weight)
        wanted = {}
        for form, pace in paces.items():
            try:
                wanted[form] = searches[form].send(trials.is_safe(pace, panel))
            except StopIteration as end:
                found[form] = end.value
    return tuple(_shortest(grid, found.get(form)) for form in forms)


def _shortest(grid: Sequence[int], first: int | None) -> Shortest:
    if first is None:
        return Shortest(steps=math.inf, longest_unsafe=grid[-1])
    return Shortest(steps=grid[first], longest_unsafe=grid[first - 1] if first else 0)


def first_run(count: int) -> Generator[int, bool, int | None]:
    """The least i of which i, i + 1, ..., i + RUN - 1, all below ``count``, hold (None: none).

    Yields the index that it wants to know of, and is sent whether that holds.
    """
    first = 0
    while first + RUN <= count:
        # From behind: a failure rules out every run that contains it.
        for index in range(first + RUN - 1, first - 1, -1):
            holds = yield index
            if not holds:
                first = index + 1
                break
        else:
            return first
    return None
