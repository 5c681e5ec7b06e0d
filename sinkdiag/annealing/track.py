"""A tracked run: K warm-started sweeps a step while a rule lowers the temperature."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.kernels import track_step
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.stream import CostStream
from sinkdiag.arrays import FloatArray

# Fixed points are compared with a tracked plan in total variation, a matter of percents.
JUDGE_TOL = 1e-9
# Those of ordinary costs take about a hundred steps; what takes ten times that is given up.
JUDGE_MAX_ITER = 1000
# A run has settled this many steps after it reached eps_min, and is judged then. The plan made on
# arrival is that of the last change of temperature alone; three more rounds of K sweeps are what a
# layer has before its plan is used. Many more would judge the waiting and not the schedule.
SETTLE = 3


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """How a layer is run: from eps_start to eps_min (cost units), ``iters`` sweeps a step.

    ``cold`` starts every step from g = 0; otherwise g is carried in cost units. eps_min must be
    reached within ``max_steps`` steps; the run has settled ``settle`` steps later. ``tol`` and
    ``max_iter`` are those of the fixed points that the run is judged by.
    """

    eps_start: float
    eps_min: float
    iters: int
    max_steps: int
    cold: bool = False
    settle: int = SETTLE
    tol: float = JUDGE_TOL
    max_iter: int = JUDGE_MAX_ITER


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedStep:
    """One step: the cost it met and the state the layer returned, enough to judge it later.

    eps, cost and g in cost units; drift in units of mass; ``index`` counts from 0.
    """

    index: int
    eps: float
    drift: float
    drift_ratio: float
    braking: float
    cost: FloatArray
    g: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedRun:
    """A finished run.

    Attributes
    ----------
    arrival:
        Index of the first step at eps_min; None when it is not reached within the budget.
    judged:
        The steps that tell how the run ended: of a matrix the one at which it has settled, of a
        trajectory all from there to the record's end; empty when it never settles.
    plan:
        The last plan.
    slopes:
        With any slope k_safe from the first to below the second the run is the same.
    steps:
        All steps, when they were kept.
    """

    arrival: int | None
    judged: tuple[TrackedStep, ...]
    plan: FloatArray
    slopes: tuple[float, float]
    steps: tuple[TrackedStep, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the run stayed at eps_min for ``settle`` steps more."""
        return bool(self.judged)


def track(
    stream: CostStream, rule: CoolingRule, settings: TrackSettings, *, keep: bool = False
) -> TrackedRun:
    """Run the layer along ``stream``; drift_t = ‖P_t - P_{t-1}‖_F, nan at the first step.

    Each step: ``iters`` sweeps from the carried potential g, then a last update of f; then
    ``rule`` chooses the next temperature from drift/eps. On a matrix the run ends once it has
    settled, on a trajectory with the record; a run that is late ends with its budget.
    """
    layer = _Layer(stream, settings)
    eps, arrival = settings.eps_start, None
    same = _SameRun(rule)
    steps: list[TrackedStep] = []
    for index, cost in enumerate(layer.costs()):
        drift = layer.step(cost, eps)
        ratio = drift / eps
        if arrival is None and eps <= settings.eps_min:
            arrival = index
        settled = arrival is not None and index >= arrival + settings.settle
        if keep or settled:
            steps.append(
                TrackedStep(
                    index=index,
                    eps=eps,
                    drift=drift,
                    drift_ratio=ratio,
                    braking=rule.braking(ratio),
                    cost=cost,
                    g=layer.g.copy(),
                )
            )
        if (settled and stream.length is None) or (
            arrival is None and index + 1 >= settings.max_steps
        ):
            break
        if arrival is None:
            same.saw(ratio)
            eps = rule.cool(eps, ratio, settings.eps_min)
    judged = [
        step for step in steps if arrival is not None and step.index >= arrival + settings.settle
    ]
    return TrackedRun(
        arrival=arrival,
        judged=tuple(judged),
        plan=layer.plan,
        slopes=same.slopes,
        steps=tuple(steps) if keep else (),
    )


class _Layer:
    """The state that a layer carries from step to step."""

    def __init__(self, stream: CostStream, settings: TrackSettings) -> None:
        problem = stream.problem
        n, m = problem.cost.shape
        self._stream, self._settings = stream, settings
        self._row, self._col = problem.row, problem.col
        self._f, self.g = np.zeros(n), np.zeros(m)
        self.plan, self._previous = np.zeros((n, m)), np.zeros((n, m))
        self._first = True

    def costs(self) -> Iterator[FloatArray]:
        """The costs to come; without end for a matrix."""
        walk, length = self._stream.walk(), self._stream.length
        for _ in itertools.count() if length is None else range(length):
            yield next(walk)

    def step(self, cost: FloatArray, eps: float) -> float:
        """K sweeps and a last update of f; returns the drift, nan at the first step."""
        if self._settings.cold:
            self.g[:] = 0.0
        self.plan, self._previous = self._previous, self.plan
        iters = self._settings.iters
        drift = track_step(
            cost, self._row, self._col, eps, iters, self._f, self.g, self.plan, self._previous
        )
        first, self._first = self._first, False
        return math.nan if first else drift


class _SameRun:
    """Between which slopes a two-state controller would have decided as it did at every step."""

    def __init__(self, rule: CoolingRule) -> None:
        self._rule = rule
        exact = rule.beta < 1.0 or math.isinf(rule.k_safe)
        self.slopes = (rule.k_safe, rule.k_safe) if exact else (0.0, math.inf)
        self._exact = exact

    def saw(self, ratio: float) -> None:
        """One decision on a drift/eps (nan: held whatever the slope)."""
        if self._exact or math.isnan(ratio):
            return
        low, high = self.slopes
        cooled = self._rule.braking(ratio) == 0.0
        self.slopes = (max(low, ratio), high) if cooled else (low, min(high, ratio))
