"""Sinkhorn sweeps between which the temperature falls, in scaled potentials."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.schedules.rounding import SMALLEST
from sinkdiag.annealing.schedules.schedule import Schedule, check_parameter, parameter
from sinkdiag.annealing.schedules.setting import Sample, ScheduleStep, Setting, drift_between
from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem

# The source's first inverse temperature, over the costs' range.
BETA_0 = 10.0
# Exponents of this size are rounded by 1e-6.
LARGEST_EXPONENT = 1e10


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """Potentials without unit, u (n,) and v (m,), and the logarithms of p = r/N and q = c/N.

    The plan at inverse temperature beta is N exp(u_i + log p_i + v_j + log q_j - beta C_ij).
    """

    u: FloatArray
    v: FloatArray
    log_p: FloatArray
    log_q: FloatArray

    @classmethod
    def start(cls, problem: Problem) -> Scaled:
        """All potentials 0."""
        row, col = problem.row, problem.col
        return cls(
            u=np.zeros(len(row)),
            v=np.zeros(len(col)),
            log_p=np.log(row / problem.total),
            log_q=np.log(col / problem.total),
        )

    def row_update(self, cost: FloatArray, beta: float) -> FloatArray:
        """-LSE_j(log q_j + v_j - beta C_ij): the u that makes the rows exact."""
        return -log_sum_exp(self.log_q + self.v - beta * cost, 1)

    def col_update(self, cost: FloatArray, beta: float) -> FloatArray:
        """-LSE_i(log p_i + u_i - beta C_ij): the v that makes the columns exact."""
        return -log_sum_exp((self.log_p + self.u)[:, None] - beta * cost, 0)

    def plan(self, cost: FloatArray, beta: float, total: float) -> FloatArray:
        """The plan (n, m), in the units of the marginals."""
        exponent = (self.u + self.log_p)[:, None] + (self.v + self.log_q) - beta * cost
        plan = np.asarray(total * np.exp(exponent))
        plan[plan < SMALLEST] = 0.0
        return plan


def log_sum_exp(exponent: FloatArray, axis: int) -> FloatArray:
    """The logarithm of Σ exp along an axis, the largest taken out."""
    top = exponent.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(exponent - top).sum(axis=axis)) + top.squeeze(axis))


@dataclass(frozen=True, kw_only=True)
class IterationSchedule(Schedule):
    """One sweep a step, beta_t = beta_0 t^kappa for t = 1, 2, …; the plan of step t is at
    beta_{t+1}, and its eps is 1/beta_{t+1}.
    """

    kappa: float = parameter("exponent of the inverse temperature, above 0", 0.5)
    beta_0: float | None = parameter(
        "first inverse temperature, per cost unit", None, shown="10 over the costs' range"
    )
    steps: float | None = parameter("number of sweeps", None, shown="the budget")

    def __post_init__(self) -> None:
        check_parameter(self, "kappa")
        check_parameter(self, "beta_0")
        check_parameter(self, "steps", count=True)

    @abstractmethod
    def sweep(self, state: Scaled, cost: FloatArray, t: int, betas: tuple[float, float]) -> Scaled:
        """The potentials after sweep t >= 1; ``betas`` are beta_t and beta_{t+1}."""

    def relaxation(self, t: int) -> float:
        """theta_t = (t^kappa - (t-1)^kappa)/t^kappa, the share by which beta grew."""
        return float((t**self.kappa - (t - 1) ** self.kappa) / t**self.kappa)

    def _check_resolved(self, first: float, count: int, span: float) -> None:
        """Exponents beta_t C are rounded: the last ones must still mean something."""
        last = math.log(first) + self.kappa * math.log(count + 1) + math.log(span)
        if last > math.log(LARGEST_EXPONENT):
            raise InputError(
                self.name,
                f"after {count} steps beta times the costs' range is beyond {LARGEST_EXPONENT:g}, "
                "and the exponents are rounding",
                "give a smaller kappa or beta_0, or fewer steps",
            )

    def run(self, setting: Setting) -> Iterator[ScheduleStep]:
        """One sweep a step, without a goal but the number of them."""
        problem = setting.problem
        first = BETA_0 / problem.cost_range if self.beta_0 is None else self.beta_0
        count = setting.most_steps
        if self.steps is not None:
            count = int(self.steps) if setting.static else min(int(self.steps), count)
        self._check_resolved(first, count, problem.cost_range)
        state, before = Scaled.start(problem), None
        for t, cost in zip(range(1, count + 1), setting.costs(), strict=False):
            betas = first * t**self.kappa, first * (t + 1) ** self.kappa
            # A constant changes no plan, but symmetric potentials would have to follow it.
            raised = cost - cost.min()
            state = self.sweep(state, raised, t, betas)
            plan = state.plan(raised, betas[1], problem.total)
            sample = Sample(
                cost=cost,
                plan=plan,
                drift=drift_between(plan, before),
                g=(state.v + state.log_q) / betas[1],
            )
            before = plan
            yield ScheduleStep(
                index=t - 1,
                eps=1.0 / betas[1],
                braking=0.0,
                sweeps=t,
                arrived=t == count,
                samples=(sample,),
            )
