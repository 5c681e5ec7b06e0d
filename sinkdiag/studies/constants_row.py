"""The rows of `constants`: the recipe of the paper's appendix A.7 at one fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.columns import column
from sinkdiag.derivatives.eigenvalues import (
    UNRESOLVED,
    off_support_norm,
    smallest_eigenvalue,
    smallest_on_support,
)
from sinkdiag.derivatives.forcing import Forcing, largest_forcing
from sinkdiag.derivatives.rank_one import RankOneNorm, rank_one_norm
from sinkdiag.derivatives.response import Response
from sinkdiag.derivatives.thresholds import polytope_diameter, quadratic_radius
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.numerics.lanczos import Extreme
from sinkdiag.numerics.norms import operator_norm
from sinkdiag.results import Solution, Status, worst


@dataclass(frozen=True, kw_only=True)
class ConstantsRow:
    """One temperature; the numbers are steps of the recipe of the paper's appendix A.7."""

    eps: float = column("temperature", "cost")
    p: float = column("1. ‖P‖_op", "mass")
    lambda_min: float = column("2. smallest eigenvalue of A off its null vector", "mass")
    M_num: float = column("1/lambda_min", "1/mass")
    forcing_sup: float = column(
        "3. sup over (k, l) in S of ‖A^+ m_kl‖_2 with m_kl = P_kl (e_k; e_l)"
    )
    forcing_row: int = column("the k where it is attained, from 0")
    forcing_col: int = column("the l where it is attained, from 0")
    C1: float = column("4. eps·sup over ‖X‖_F = 1 of ‖DS[X]‖_2/p, a lower estimate (Lemma A.9)")
    separation: float = column("‖A - A_S‖_2/lambda_min_S")
    separation_holds: bool = column(
        "whether that is below 1, so that a Neumann series reduces A to its active support; the "
        "paper's condition is cut off, this one is ours"
    )
    eta: float = column("lightest pair in S", "mass")
    tau: float = column("heaviest pair off S; 0 if S is everything", "mass")
    support_size: int = column("entries of the active support S")
    components: int = column("connected components of S")
    C0: float = column("5. eps·‖DS‖", "mass")
    K_quad: float = column("eps²·‖D²S‖, a lower estimate", "mass")
    R: float = column(
        "min(2 C0²/K_quad, √2·min(‖r‖, ‖c‖)): the change of the plan at which the quadratic term "
        "of C -> P equals the linear one, at most the diameter of the transport polytope (an upper "
        "bound of it, Frobenius norm); optimistic as far as K_quad is low",
        "mass",
    )
    tau_max: float = column("gap·R/κ(V) in the plan norm (Table 2), with the capped R", "mass")
    status: Status = column("gravest status of everything in the row")
    lambda_min_S: float = column(  # noqa: N815 - the paper's subscript
        "smallest eigenvalue of A_S on the complement of one gauge for each component", "mass"
    )
    bifurcates: bool = column("whether S differs from that of the row before (A.1)")
    C1_upper: float = column("C0/p >= C1")
    gap: float = column("1 - rho of one sweep", "per sweep")
    kappa_V: float = column("κ(V), condition of the modes in the plan norm")  # noqa: N815
    dS_de_norm: float = column(  # noqa: N815
        "‖dP/deps‖_F", "mass/cost", extended=True
    )
    K1: float = column("eps·dS_de_norm", "mass", extended=True)
    K_quad_spread: float = column(
        "relative distance between the best and the worst start of K_quad that was run to the end",
        extended=True,
    )
    duality_bound: float = column(
        "‖∂_CΦ‖/‖DS_θ‖ in the natural norm, to 1e-4: at least the gap (Theorem A.2)", extended=True
    )
    max_plan: float = column("heaviest pair; C0 is at most that", "mass", extended=True)
    cycles: int = column("independent cycles of S", extended=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """What the steps of the recipe find at one fixed point beside its response.

    Attributes
    ----------
    solution:
        The fixed point.
    size:
        ‖P‖_op.
    lowest, lowest_on_support:
        Smallest eigenvalues of A and of A_S.
    forcing, rank_one:
        sup ‖A^+ m_kl‖, and eps·sup ‖DS[X]‖_2.
    off_support:
        ‖A - A_S‖_2.
    kappa, modes_status:
        κ(V) in the plan norm, and how well the modes are resolved.
    """

    solution: Solution
    size: float
    lowest: Extreme
    lowest_on_support: Extreme
    forcing: Forcing
    rank_one: RankOneNorm
    off_support: float
    kappa: float
    modes_status: Status

    @property
    def separation(self) -> float:
        """‖A - A_S‖_2/lambda_min_S."""
        return self.off_support / self.lowest_on_support.value

    @property
    def status(self) -> Status:
        """The gravest of the steps."""
        steps = (self.lowest, self.lowest_on_support, self.rank_one)
        return worst([self.modes_status, *(step.status for step in steps)])


def follow_recipe(
    solution: Solution,
    operator: BlockOperator | None,
    basis: EigenBasis,
    support: ActiveSupport,
    *,
    seed: int,
) -> Recipe:
    """The steps at one fixed point, from its factored A, its modes and its active support."""
    plan = solution.plan
    if operator is None:
        lowest = UNRESOLVED
        forcing = Forcing(value=math.nan, row=-1, col=-1)
        rank_one = RankOneNorm(value=math.nan, starts=0, status=Status.BELOW_RESOLUTION)
    else:
        lowest = smallest_eigenvalue(operator)
        forcing = largest_forcing(operator, support)
        rank_one = rank_one_norm(operator, seed=seed)
    everything = support.size == plan.size
    kappa, modes_status = _condition(basis)
    return Recipe(
        solution=solution,
        size=operator_norm(plan),
        lowest=lowest,
        lowest_on_support=lowest if everything else smallest_on_support(plan, support),
        forcing=forcing,
        rank_one=rank_one,
        off_support=off_support_norm(plan, support),
        kappa=kappa,
        modes_status=modes_status,
    )


def _condition(basis: EigenBasis) -> tuple[float, Status]:
    """κ(V) in the plan norm; nan where the modes, or their Gram factor, leave double precision."""
    try:
        with np.errstate(all="ignore"):
            spectrum = modes_in(basis, "plan")
            kappa = spectrum.condition()
    except np.linalg.LinAlgError:
        return math.nan, Status.BELOW_RESOLUTION
    if not math.isfinite(kappa):
        return math.nan, Status.BELOW_RESOLUTION
    return kappa, spectrum.status


def constants_row(recipe: Recipe, response: Response, before: ActiveSupport | None) -> ConstantsRow:
    """One row; ``before`` is the active support of the row before."""
    plan, support, size = recipe.solution.plan, response.support, recipe.size
    eps, first, second = response.eps, response.eps * response.op_norm, response.cubic.value
    diameter = polytope_diameter(recipe.solution.row, recipe.solution.col)
    radius, off = float(quadratic_radius(first, second, diameter)), plan[~support.mask]
    unclear = Status.BELOW_RESOLUTION if math.isnan(response.duality) else Status.CONVERGED
    return ConstantsRow(
        eps=eps,
        p=size,
        lambda_min=recipe.lowest.value,
        M_num=1.0 / recipe.lowest.value,
        forcing_sup=recipe.forcing.value,
        forcing_row=recipe.forcing.row,
        forcing_col=recipe.forcing.col,
        C1=recipe.rank_one.value / size,
        separation=recipe.separation,
        separation_holds=recipe.separation < 1,
        eta=float(plan[support.mask].min()),
        tau=float(off.max(initial=0.0)),
        support_size=support.size,
        components=support.components,
        C0=first,
        K_quad=second,
        R=radius,
        tau_max=response.gap * radius / recipe.kappa,
        status=worst([response.status, recipe.status, unclear]),
        lambda_min_S=recipe.lowest_on_support.value,
        bifurcates=not support.same_as(before),
        C1_upper=first / size,
        gap=response.gap,
        kappa_V=recipe.kappa,
        dS_de_norm=response.dS_de_norm,
        K1=eps * response.dS_de_norm,
        K_quad_spread=response.cubic.spread,
        duality_bound=response.duality,
        max_plan=response.max_plan,
        cycles=response.cycles,
    )
