"""A tracked run: K warm-started sweeps a step while a rule lowers the temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.controller import CoolingRule
from sinkdiag.annealing.kernels import track_step
from sinkdiag.annealing.stream import CostStream
from sinkdiag.arrays import FloatArray
from sinkdiag.solver.solve import DEFAULT_MAX_ITER

# Fixed points are compared with a tracked plan in total variation, a matter of percents.
JUDGE_TOL = 1e-9


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """How a layer is run: from eps_start to eps_min (cost units), ``iters`` sweeps a step.

    ``cold`` starts every step from g = 0; otherwise g is carried in cost units. The run ends on
    arrival at eps_min, or after ``max_steps``. ``tol`` and ``max_iter`` are those of the fixed
    points that the run is judged by.
    """

    eps_start: float
    eps_min: float
    iters: int
    max_steps: int
    cold: bool = False
    tol: float = JUDGE_TOL
    max_iter: int = DEFAULT_MAX_ITER


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedStep:
    """One step: the cost it met and the state the layer returned, enough to judge it later.

    eps, cost and g in cost units; drift in units of mass.
    """

    eps: float
    drift: float
    drift_ratio: float
    braking: float
    cost: FloatArray
    g: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedRun:
    """A finished run; ``last`` is its final step, ``steps`` all of them when they were kept."""

    arrived: bool
    count: int
    last: TrackedStep
    plan: FloatArray
    steps: tuple[TrackedStep, ...] = ()


def track(
    stream: CostStream, rule: CoolingRule, settings: TrackSettings, *, keep: bool = False
) -> TrackedRun:
    """Run the layer along ``stream``; drift_t = ‖P_t - P_{t-1}‖_F, nan at the first step.

    Each step: ``iters`` sweeps from the carried potential g, then a last update of f; then
    ``rule`` chooses the next temperature from drift/eps.
    """
    problem = stream.problem
    n, m = problem.cost.shape
    f, g = np.zeros(n), np.zeros(m)
    plan, previous = np.empty((n, m)), np.zeros((n, m))
    eps = settings.eps_start
    limit = settings.max_steps if stream.length is None else min(settings.max_steps, stream.length)
    kept: list[TrackedStep] = []
    walk = stream.walk()
    for count in range(1, limit + 1):
        cost = next(walk)
        if settings.cold:
            g[:] = 0.0
        drift = track_step(
            cost, problem.row, problem.col, eps, settings.iters, f, g, plan, previous
        )
        if count == 1:
            drift = math.nan
        ratio = drift / eps
        arrived = eps <= settings.eps_min
        if keep or arrived or count == limit:
            state = TrackedStep(
                eps=eps,
                drift=drift,
                drift_ratio=ratio,
                braking=rule.braking(ratio),
                cost=cost,
                g=g.copy(),
            )
            kept.append(state)
        if arrived:
            break
        if count < limit:
            eps = rule.cool(eps, ratio, settings.eps_min)
            plan, previous = previous, plan
    steps = tuple(kept) if keep else ()
    return TrackedRun(arrived=arrived, count=count, last=kept[-1], plan=plan, steps=steps)
