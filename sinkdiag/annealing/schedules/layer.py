"""A layer that makes K sweeps a step, on costs that come one a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from sinkdiag.annealing.kernels import track_step
from sinkdiag.annealing.schedules.setting import Sample, Setting
from sinkdiag.arrays import FloatArray


class Layer(Protocol):
    """Anything that returns a plan at a temperature."""

    def step(self, eps: float) -> Sample:
        """The next forward pass."""


class SweepLayer:
    """K sweeps from zero potentials, or from the last g (cost units), and a last update of f."""

    def __init__(self, setting: Setting, costs: Iterator[FloatArray]) -> None:
        problem = setting.problem
        self._setting, self._costs = setting, costs
        self._row, self._col = problem.row, problem.col
        self._f, self._g = np.zeros(len(problem.row)), np.zeros(len(problem.col))
        self._previous: FloatArray | None = None

    def step(self, eps: float) -> Sample:
        """The next cost's plan."""
        cost, setting = next(self._costs), self._setting
        if setting.cold:
            self._g[:] = 0.0
        plan, before = np.empty_like(cost), self._previous
        drift = track_step(
            cost,
            self._row,
            self._col,
            eps,
            setting.iters,
            self._f,
            self._g,
            plan,
            plan if before is None else before,
        )
        self._previous = plan
        return Sample(
            cost=cost,
            plan=plan,
            drift=float("nan") if before is None else drift,
            g=self._g.copy(),
        )
