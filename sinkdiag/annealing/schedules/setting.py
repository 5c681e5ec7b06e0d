"""What every schedule is run on, and what every run yields."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """A cost, or a trajectory of them, with the ends and the budget of the annealing.

    Attributes
    ----------
    problems:
        One for a matrix; one a step for a trajectory (equal marginals).
    eps_start, eps_min:
        First and last temperature, cost units.
    max_steps:
        Budget of steps; a trajectory ends with its record at the latest.
    iters, cold:
        Sweeps a step of a layer (K), and whether it starts every step from zero potentials.
    settle:
        Steps that a layer runs on at eps_min.
    seed:
        Of what a schedule draws.
    """

    problems: tuple[Problem, ...]
    eps_start: float
    eps_min: float
    max_steps: int
    iters: int
    cold: bool
    settle: int
    seed: int = 0

    @property
    def problem(self) -> Problem:
        """The first matrix, with the marginals of all."""
        return self.problems[0]

    @property
    def static(self) -> bool:
        """Whether every step meets the same cost."""
        return len(self.problems) == 1

    @property
    def most_steps(self) -> int:
        """Steps that a run can have."""
        return self.max_steps if self.static else min(self.max_steps, len(self.problems))

    def costs(self) -> Iterator[FloatArray]:
        """C_0, C_1, …; without end for a matrix."""
        if self.static:
            return itertools.repeat(self.problem.cost)
        return iter([problem.cost for problem in self.problems])


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One matrix of one step: cost (n, m), plan (n, m), drift, and g (m,) near its fixed point.

    ``drift`` is ‖P_t - P_{t-1}‖_F, nan at the first step; cost and g in cost units.
    """

    cost: FloatArray
    plan: FloatArray
    drift: float
    g: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ScheduleStep:
    """One step of any schedule: several samples where noise is drawn, else one.

    ``eps`` in cost units; ``braking`` as in `CoolingRule`, 0 without a controller; ``sweeps``
    counts all sweeps so far (of one sample); ``arrived`` whether the goal was reached before or at
    this step.
    """

    index: int
    eps: float
    braking: float
    sweeps: int
    arrived: bool
    samples: tuple[Sample, ...]

    @property
    def drift(self) -> float:
        """Mean over the samples."""
        return float(np.mean([sample.drift for sample in self.samples]))


def drift_between(plan: FloatArray, previous: FloatArray | None) -> float:
    """‖plan - previous‖_F; nan without a previous plan."""
    if previous is None:
        return math.nan
    change = plan - previous
    return math.sqrt(float(np.einsum("ij,ij->", change, change)))
