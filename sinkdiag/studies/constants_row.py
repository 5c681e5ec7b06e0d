"""The rows of `constants`: the recipe of the paper's appendix A.7 at one fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy.linalg

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
from sinkdiag.derivatives.thresholds import quadratic_radius
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.block import BlockOperator
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.numerics.lanczos import Extreme
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
        "2 C0²/K_quad: the change of the plan at which the quadratic term of C -> P equals the "
        "linear one; optimistic as far as K_quad is low, inf if that is 0",
        "mass",
    )
    tau_max: float = column("gap·R/κ(V) in the plan norm (Table 2)", "mass")
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


@dataclass(frozen=True, kw_only=True)
class _Inverse:
    """What needs A of the whole plan: lambda_min, the forcing and C1·p."""

    lowest: Extreme
    forcing: Forcing
    rank_one: RankOneNorm


def constants_row(
    solution: Solution,
    operator: BlockOperator | None,
    basis: EigenBasis,
    response: Response,
    before: ActiveSupport | None,
    *,
    seed: int,
) -> ConstantsRow:
    """The recipe at one fixed point, from its factored A, its modes and its response.

    ``before`` is the active support of the row before.
    """
    plan, support = solution.plan, response.support
    size = float(scipy.linalg.svdvals(plan)[0])
    inverse = _inverse(operator, support, seed)
    floor = smallest_on_support(plan, support)
    separation = off_support_norm(plan, support) / floor.value
    spectrum = modes_in(basis, "plan")
    kappa = spectrum.condition()
    first, second = solution.eps * response.op_norm, response.cubic.value
    radius = float(quadratic_radius(first, second))
    off = plan[~support.mask]
    lowest, forcing, rank_one = inverse.lowest, inverse.forcing, inverse.rank_one
    return ConstantsRow(
        eps=solution.eps,
        p=size,
        lambda_min=lowest.value,
        M_num=1.0 / lowest.value,
        forcing_sup=forcing.value,
        forcing_row=forcing.row,
        forcing_col=forcing.col,
        C1=rank_one.value / size,
        separation=separation,
        separation_holds=separation < 1,
        eta=float(plan[support.mask].min()),
        tau=float(off.max()) if off.size else 0.0,
        support_size=support.size,
        components=support.components,
        C0=first,
        K_quad=second,
        R=radius,
        tau_max=response.gap * radius / kappa,
        status=worst(
            [response.status, lowest.status, rank_one.status, floor.status, spectrum.status]
        ),
        lambda_min_S=floor.value,
        bifurcates=not support.same_as(before),
        C1_upper=first / size,
        gap=response.gap,
        kappa_V=kappa,
        dS_de_norm=response.dS_de_norm,
        K1=solution.eps * response.dS_de_norm,
        K_quad_spread=response.cubic.spread,
        duality_bound=response.duality,
        max_plan=response.max_plan,
        cycles=response.cycles,
    )


def _inverse(operator: BlockOperator | None, support: ActiveSupport, seed: int) -> _Inverse:
    if operator is None:
        return _Inverse(
            lowest=UNRESOLVED,
            forcing=Forcing(value=math.nan, row=-1, col=-1),
            rank_one=RankOneNorm(value=math.nan, starts=0, status=Status.BELOW_RESOLUTION),
        )
    return _Inverse(
        lowest=smallest_eigenvalue(operator),
        forcing=largest_forcing(operator, support),
        rank_one=rank_one_norm(operator, seed=seed),
    )
