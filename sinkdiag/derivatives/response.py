"""How one plan answers to its cost and its temperature: norms of the first two derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.gradient import finite_cost
from sinkdiag.derivatives.natural_duality import duality_bound
from sinkdiag.derivatives.second_order import CubicNorm, cubic_norm
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.jacobian.support import ActiveSupport, support_of
from sinkdiag.numerics.components import bipartite_components
from sinkdiag.numerics.lanczos import Extreme, largest_eigenvalue
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst

# A pair whose mass falls faster than this power of eps is on its way out of the support.
_LEAVING = 0.5
_NOTHING = CubicNorm(math.nan, math.nan, 0, Status.BELOW_RESOLUTION)


@dataclass(frozen=True)
class Lasting:
    """What of the active support is not on its way out as eps falls.

    A pair stays while d log P/d log eps < 1/2; pairs that vanish have this exponent at Δ/eps, with
    Δ > 0 their reduced cost, and those of the limit support at nearly 0.

    Attributes
    ----------
    components, cycles:
        Of the graph of the pairs that stay.
    whole:
        Whether that is the whole active support.
    """

    components: int
    cycles: int
    whole: bool


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
    duality:
        ‖∂_CΦ‖/‖DS_θ‖ in the natural norm, the right-hand side of Theorem A.2.
    max_plan:
        The heaviest pair; ‖DS‖ <= max_plan/eps.
    support:
        The active support S.
    lasting:
        What of S is there to stay.
    status:
        Gravest of the solve, the gap and the iterations.
    """

    eps: float
    op_norm: float
    dS_de_norm: float  # noqa: N815 - the paper's name
    cubic: CubicNorm
    M_norm: float
    gap: float
    duality: float
    max_plan: float
    support: ActiveSupport
    lasting: Lasting
    status: Status

    @property
    def cycles(self) -> int:
        """Independent cycles of the active support: 0 for a tree or a forest."""
        n, m = self.support.mask.shape
        return int(self.support.size - (n + m) + self.support.components)


def respond(
    problem: Problem,
    solution: Solution,
    operator: BlockOperator | None,
    *,
    seed: int = 0,
    extra: bool = False,
) -> Response:
    """Measure the derivatives at a fixed point, given its factored A; ``extra`` adds M_norm."""
    plan, eps = solution.plan, solution.eps
    gap, gap_status = plan_gap(plan, solution.row, solution.col)
    support = support_of(plan)
    if operator is None:
        nan = math.nan
        status = Status.BELOW_RESOLUTION
        heaviest, stays = float(plan.max()), _lasting(support, np.zeros_like(plan))
        return Response(eps, nan, nan, _NOTHING, nan, gap, nan, heaviest, support, stays, status)
    rise = operator.residual(finite_cost(problem.cost))
    top = plan_sensitivity(operator, seed=seed)
    cubic = cubic_norm(operator, seed=seed)
    return Response(
        eps=eps,
        op_norm=top.value / eps,
        dS_de_norm=float(np.linalg.norm(plan * rise)) / eps**2,
        cubic=cubic,
        M_norm=_indirect_norm(operator, seed) / eps if extra else math.nan,
        gap=gap,
        duality=duality_bound(operator),
        max_plan=float(plan.max()),
        support=support,
        lasting=_lasting(support, rise / eps),
        status=worst([solution.status, gap_status, top.status, cubic.status]),
    )


def _lasting(support: ActiveSupport, exponent: FloatArray) -> Lasting:
    """``exponent``: d log P/d log eps of every pair, K(C)/eps."""
    stays = support.mask & (exponent < _LEAVING)
    n, m = stays.shape
    size, parts = int(np.count_nonzero(stays)), bipartite_components(stays).count
    return Lasting(parts, size - (n + m) + parts, size == support.size)


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
