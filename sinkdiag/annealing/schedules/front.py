"""Plain Sinkhorn at constant temperatures: what an annealing has to beat, at each sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.schedules.iteration import BETA_0
from sinkdiag.annealing.schedules.optimum import optimum_of
from sinkdiag.problem import Problem
from sinkdiag.solver.layer import run_sweeps

# Constant inverse temperatures, geometric, from the annealed iterations' first to this many times
# as much, and the sweep counts at which they are looked at.
TEMPERATURES, HOTTEST_TO_COLDEST, LOOKS = 14, 1000.0, 30
# Sweeps beyond which the front is not followed.
LONGEST = 2000


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """After ``sweeps`` sweeps, the least suboptimality over all temperatures, and at which eps.

    eps in cost units, suboptimality in cost units times mass.
    """

    sweeps: int
    eps: float
    suboptimality: float


def plain_front(problem: Problem, most: int) -> tuple[FrontPoint, ...]:
    """The front from a cold start up to ``most`` sweeps or `LONGEST`; empty without an optimum."""
    most = min(most, LONGEST)
    optimum = optimum_of(problem)
    if math.isnan(optimum.value):
        return ()
    counts = np.unique(np.geomspace(1, most, min(LOOKS, most)).round().astype(int))
    warmest = problem.cost_range / BETA_0
    temperatures = warmest / np.geomspace(1.0, HOTTEST_TO_COLDEST, TEMPERATURES)
    errors = np.empty((len(temperatures), len(counts)))
    for k, eps in enumerate(temperatures):
        g, done = None, 0
        for place, count in enumerate(counts):
            found = run_sweeps(problem, float(eps), int(count) - done, g)
            g, done = found.g, int(count)
            errors[k, place] = optimum.suboptimality(found.plan, problem)
    best = errors.argmin(axis=0)
    return tuple(
        FrontPoint(
            sweeps=int(count),
            eps=float(temperatures[best[place]]),
            suboptimality=float(errors[best[place], place]),
        )
        for place, count in enumerate(counts)
    )
