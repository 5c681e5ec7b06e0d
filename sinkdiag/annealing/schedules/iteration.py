"""Sinkhorn sweeps between which the temperature falls, in scaled potentials."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

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
# A sum above it has lost nothing that counts to entries that are no longer stored.
SMALLEST_SUM = 1e-200


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """Potentials without unit, u (n,) and v (m,), with r (n,) and c (m,) of total N.

    The plan at inverse temperature beta is exp(u_i + v_j - beta C_ij) r_i c_j/N. ``plan`` holds it
    (n, m) at the cost and the beta of the next sweep's start, where it is at hand: its sums then
    save that sweep an exponential of every entry.
    """

    u: FloatArray
    v: FloatArray
    row: FloatArray
    col: FloatArray
    plan: FloatArray | None = None

    @classmethod
    def start(cls, problem: Problem) -> Scaled:
        """All potentials 0."""
        row, col = problem.row, problem.col
        return cls(u=np.zeros(len(row)), v=np.zeros(len(col)), row=row, col=col)

    @property
    def made_plan(self) -> FloatArray:
        """The plan that a sweep leaves."""
        assert self.plan is not None  # every sweep makes one
        return self.plan

    @property
    def total(self) -> float:
        """N."""
        return float(self.row.sum())

    def row_update(self, cost: FloatArray, beta: float) -> FloatArray:
        """-LSE_j(log(c_j/N) + v_j - beta C_ij): the u that makes the rows exact."""
        sums = None if self.plan is None else self.plan.sum(axis=1)
        if sums is not None and sums.min() > SMALLEST_SUM:
            return np.asarray(self.u - np.log(sums / self.row))
        return -log_sum_exp(np.log(self.col / self.total) + self.v - beta * cost, 1)

    def col_update(self, cost: FloatArray, beta: float) -> FloatArray:
        """-LSE_i(log(r_i/N) + u_i - beta C_ij): the v that makes the columns exact."""
        sums = None if self.plan is None else self.plan.sum(axis=0)
        if sums is not None and sums.min() > SMALLEST_SUM:
            return np.asarray(self.v - np.log(sums / self.col))
        return -log_sum_exp((np.log(self.row / self.total) + self.u)[:, None] - beta * cost, 0)

    def with_columns(self, cost: FloatArray, beta: float) -> Scaled:
        """The same with v updated, and the plan at ``beta`` that this makes, columns exact."""
        shares = cost * -beta
        shares += (np.log(self.row / self.total) + self.u)[:, None]
        top = shares.max(axis=0)
        shares -= top
        np.exp(shares, out=shares)
        sums = shares.sum(axis=0)
        shares *= self.col / sums
        shares[shares < SMALLEST] = 0.0
        return replace(self, v=-(np.log(sums) + top), plan=shares)

    def with_plan(self, cost: FloatArray, beta: float) -> Scaled:
        """The same with the plan at ``beta``."""
        plan = cost * -beta
        plan += (self.u + np.log(self.row))[:, None]
        plan += self.v + np.log(self.col / self.total)
        np.exp(plan, out=plan)
        plan[plan < SMALLEST] = 0.0
        return replace(self, plan=plan)


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
        """The state after sweep t >= 1, plan at beta_{t+1}; ``betas`` are beta_t and beta_{t+1}."""

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
            if t == 1 or not setting.static:
                # A constant changes no plan, but symmetric potentials would have to follow it.
                raised = cost - cost.min()
                state = replace(state, plan=None)
            state = self.sweep(state, raised, t, betas)
            plan = state.made_plan
            sample = Sample(
                cost=cost,
                plan=plan,
                drift=drift_between(plan, before),
                g=(state.v + np.log(state.col)) / betas[1],
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
