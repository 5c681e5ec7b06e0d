"""How one plan answers to its cost and its temperature: norms of the first two derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.cooling import cool
from sinkdiag.derivatives.duality import natural_duality
from sinkdiag.derivatives.eigenvalues import smallest_on_two_gauges
from sinkdiag.derivatives.gradient import finite_cost
from sinkdiag.derivatives.second_order import CubicNorm, cubic_norm
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.block import BlockOperator, factor_block
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.jacobian.support import ActiveSupport, support_of
from sinkdiag.numerics.components import bipartite_components
from sinkdiag.numerics.gth import SMALLEST_PIVOT
from sinkdiag.numerics.lanczos import Extreme, largest_eigenvalue
from sinkdiag.numerics.norms import frobenius_norm
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst

# Rounding of one sum, with room for what follows.
ROUNDING = 4.0 * float(np.finfo(float).eps)
# A pair whose mass falls faster than this power of eps is on its way out of the support.
_LEAVING = 0.5


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True, eq=False)
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
    dS_de_floor:
        Rounding of dS_de_norm: what costs a⊕b, which move no plan, would give; per cost unit.
    two_gauges:
        Smallest eigenvalue of A_S on the paper's own two gauges over ‖A_S‖ (Lemma A.5).
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
    dS_de_floor: float  # noqa: N815
    two_gauges: float
    max_plan: float
    support: ActiveSupport
    lasting: Lasting
    status: Status

    @property
    def cycles(self) -> int:
        """Independent cycles of the active support: 0 for a tree or a forest."""
        return _cycles(self.support.mask.shape, self.support.size, self.support.components)


def respond(
    problem: Problem,
    solution: Solution,
    operator: BlockOperator | None,
    *,
    basis: EigenBasis | None = None,
    seed: int = 0,
    extended: bool = False,
) -> Response:
    """Measure the derivatives at a fixed point, given its factored A.

    ``basis``, where it is at hand, gives the gap; ``extended`` adds M_norm.
    """
    plan, eps = solution.plan, solution.eps
    gap, gap_status = _gap(solution, basis)
    support = support_of(plan)
    if operator is None or _free_mass_is_lost(operator, np.isfinite(problem.cost)):
        return _unresolved(solution, support, gap)
    cost = finite_cost(problem.cost)
    cooling = cool(operator, problem.cost)
    top = plan_sensitivity(operator, seed=seed)
    cubic = cubic_norm(operator, seed=seed)
    return Response(
        eps=eps,
        op_norm=top.value / eps,
        dS_de_norm=frobenius_norm(cooling.motion) / eps**2,
        cubic=cubic,
        M_norm=_indirect_norm(operator, seed) / eps if extended else math.nan,
        gap=gap,
        duality=natural_duality(operator),
        dS_de_floor=rounding_of_rise(operator, cost) / eps**2,
        two_gauges=smallest_on_two_gauges(plan, support),
        max_plan=float(plan.max()),
        support=support,
        lasting=_lasting(support, cooling.left / eps),
        status=worst([solution.status, gap_status, top.status, cubic.status, cooling.status]),
    )


class Respond(Protocol):
    """What gives a study its derivatives: `respond`, or `SharedResponses` for several studies."""

    def __call__(
        self,
        problem: Problem,
        solution: Solution,
        operator: BlockOperator | None,
        *,
        basis: EigenBasis | None = None,
        seed: int = 0,
        extended: bool = False,
    ) -> Response:
        """See `respond`."""


class SharedResponses:
    """`respond` that measures each fixed point once, whoever asks again.

    Everything found is kept as long as this object lives. Whoever asks first decides where the gap
    comes from, `plan_gap` or a basis, which agree to its accuracy.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Solution, int, bool], Response] = {}

    def __call__(
        self,
        problem: Problem,
        solution: Solution,
        operator: BlockOperator | None,
        *,
        basis: EigenBasis | None = None,
        seed: int = 0,
        extended: bool = False,
    ) -> Response:
        """See `respond`."""
        key = (solution, seed, extended)
        if key not in self._found:
            self._found[key] = respond(
                problem, solution, operator, basis=basis, seed=seed, extended=extended
            )
        return self._found[key]


def rounding_of_rise(operator: BlockOperator, cost: FloatArray) -> float:
    """What rounding leaves of ‖P∘K(C)‖ where K(C) is 0, mass times cost units.

    The flows that K is made of are those of the pairs off the tree, each with a rounding error of
    u·max|C| and as many of them as there are in a row and a column.
    """
    size = float(np.abs(cost).max())
    return ROUNDING * sum(operator.shape) * size * float(np.linalg.norm(operator.off))


def _free_mass_is_lost(operator: BlockOperator, allowed: NDArray[np.bool_]) -> bool:
    """Whether what moves the plan lies where masses underflow, and not at forbidden pairs."""
    plan, heaviest = operator.plan, float(operator.off.max(initial=0.0))
    return heaviest < SMALLEST_PIVOT and bool((plan[allowed] < SMALLEST_PIVOT).any())


def _unresolved(solution: Solution, support: ActiveSupport, gap: float) -> Response:
    """What is known of a plan whose masses span more than double precision holds."""
    nan, status = math.nan, Status.BELOW_RESOLUTION
    return Response(
        eps=solution.eps,
        op_norm=nan,
        dS_de_norm=nan,
        cubic=CubicNorm(value=nan, spread=nan, starts=0, status=status),
        M_norm=nan,
        gap=gap,
        duality=nan,
        dS_de_floor=nan,
        two_gauges=smallest_on_two_gauges(solution.plan, support),
        max_plan=float(solution.plan.max()),
        support=support,
        lasting=_lasting(support, np.zeros_like(solution.plan)),
        status=status,
    )


def _gap(solution: Solution, basis: EigenBasis | None) -> tuple[float, Status]:
    if basis is None:
        return plan_gap(solution.plan, solution.row, solution.col)
    return float(basis.gaps[0]) if len(basis.gaps) else 1.0, basis.status


def lasting_support(problem: Problem, solution: Solution) -> Lasting | None:
    """What of the active support at a fixed point is there to stay; None where A has no factor."""
    operator = factor_block(solution.plan)
    if operator is None:
        return None
    exponent = cool(operator, problem.cost).left / solution.eps
    return _lasting(support_of(solution.plan), exponent)


def _lasting(support: ActiveSupport, exponent: FloatArray) -> Lasting:
    """``exponent``: d log P/d log eps of every pair, K(C)/eps."""
    stays = support.mask & (exponent < _LEAVING)
    size, parts = int(np.count_nonzero(stays)), bipartite_components(stays).count
    return Lasting(
        components=parts, cycles=_cycles(stays.shape, size, parts), whole=size == support.size
    )


def _cycles(shape: tuple[int, ...], pairs: int, components: int) -> int:
    """Independent cycles of a bipartite graph on n + m nodes."""
    return pairs - sum(shape) + components


def plan_sensitivity(operator: BlockOperator, *, seed: int = 0) -> Extreme:
    """eps·‖DS‖, the largest eigenvalue of X -> P∘K(X), by Lanczos: one O(nm) pass and one solve."""
    top = largest_eigenvalue(operator.in_free_units.move, _start(operator, seed))
    return replace(top, value=top.value * operator.free, residual=top.residual * operator.free)


def _indirect_norm(operator: BlockOperator, seed: int) -> float:
    def apply(values: FloatArray) -> FloatArray:
        return np.asarray(operator.plan * (values - operator.residual(values)))

    return largest_eigenvalue(apply, _start(operator, seed)).value


def _start(operator: BlockOperator, seed: int) -> FloatArray:
    """A random direction, as the plan moves, so that the first step is not wasted."""
    return np.asarray(np.random.default_rng(seed).standard_normal(operator.shape))
