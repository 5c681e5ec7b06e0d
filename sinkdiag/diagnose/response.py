"""How one plan answers to its cost and its temperature: norms of the first two derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.diagnose.gradient import finite_cost
from sinkdiag.diagnose.lanczos import Extreme, largest_eigenvalue
from sinkdiag.diagnose.second_order import CubicNorm, cubic_norm
from sinkdiag.linearize.block import BlockOperator, factor_block
from sinkdiag.linearize.laplacian import spectral_gap
from sinkdiag.linearize.support import ActiveSupport, support_of
from sinkdiag.problem import FloatArray, Problem
from sinkdiag.results import Solution, Status, worst

_NOTHING = CubicNorm(math.nan, math.nan, 0, Status.BELOW_RESOLUTION)


@dataclass(frozen=True)
class Response:
    """Derivatives of the plan at one temperature, all in the Frobenius norm.

    Attributes
    ----------
    eps:
        Temperature, cost units.
    op_norm:
        ‖DS‖ with DS = dP/dC = -(1/eps)(diag(p) - B'A^+B), per cost unit.
    dS_de_norm:
        ‖dP/deps‖_F, per cost unit.
    cubic:
        eps²·‖D²S‖, a lower estimate.
    M_norm:
        ‖B'A^+B‖/eps: the paper's Eq. 14, which leaves out the direct term; nan if not asked for.
    gap:
        1 - rho of the sweep.
    max_plan:
        The heaviest pair; ‖DS‖ <= max_plan/eps.
    support:
        The active support S.
    status:
        Gravest of the solve, the gap and the iterations.
    """

    eps: float
    op_norm: float
    dS_de_norm: float  # noqa: N815 - the paper's name
    cubic: CubicNorm
    M_norm: float
    gap: float
    max_plan: float
    support: ActiveSupport
    status: Status

    @property
    def cycles(self) -> int:
        """Independent cycles of the active support: 0 for a tree or a forest."""
        n, m = self.support.mask.shape
        return self.support.size - (n + m) + self.support.components


def respond(
    problem: Problem, solution: Solution, *, seed: int = 0, extra: bool = False
) -> Response:
    """Measure the derivatives at a fixed point; ``extra`` adds M_norm."""
    plan, eps = solution.plan, solution.eps
    gap, gap_status = spectral_gap(plan, solution.row, solution.col)
    operator = factor_block(plan)
    statuses = [solution.status, gap_status]
    if operator is None:
        first = direct = math.nan
        slope, cubic = math.nan, _NOTHING
        statuses.append(Status.BELOW_RESOLUTION)
    else:
        top = plan_sensitivity(operator, seed=seed)
        first = top.value / eps
        slope = float(np.linalg.norm(operator.move(finite_cost(problem.cost)))) / eps**2
        cubic = cubic_norm(operator, seed=seed)
        statuses += [top.status, cubic.status]
        direct = _indirect_norm(operator, seed) / eps if extra else math.nan
    return Response(
        eps=eps,
        op_norm=first,
        dS_de_norm=slope,
        cubic=cubic,
        M_norm=direct,
        gap=gap,
        max_plan=float(plan.max()),
        support=support_of(plan),
        status=worst(statuses),
    )


def plan_sensitivity(operator: BlockOperator, *, seed: int = 0) -> Extreme:
    """eps·‖DS‖, the largest eigenvalue of X -> P∘K(X), by Lanczos: one O(nm) pass and one solve."""
    return largest_eigenvalue(operator.move, _start(operator, seed))


def _indirect_norm(operator: BlockOperator, seed: int) -> float:
    def apply(values: FloatArray) -> FloatArray:
        return np.asarray(operator.plan * (values - operator.residual(values)))

    return largest_eigenvalue(apply, _start(operator, seed)).value


def _start(operator: BlockOperator, seed: int) -> FloatArray:
    """A random direction, as the plan moves, so that the first step is not wasted."""
    return np.asarray(np.random.default_rng(seed).standard_normal(operator.shape))
