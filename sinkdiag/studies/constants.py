"""The constants of the paper's appendix A.7, and what follows from them for a schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.forcing import (
    Forcing,
    largest_forcing,
    smallest_eigenvalue,
    smallest_on_support,
)
from sinkdiag.derivatives.rank_one import RankOneNorm, rank_one_norm
from sinkdiag.derivatives.response import Response, plan_sensitivity, respond
from sinkdiag.derivatives.second_order import cubic_norm
from sinkdiag.jacobian.block import BlockOperator, factor_block
from sinkdiag.jacobian.modes import Modes, modes
from sinkdiag.jacobian.support import ActiveSupport
from sinkdiag.numerics.lanczos import Extreme, largest_eigenvalue
from sinkdiag.numerics.norms import operator_norm
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.solver.path import solve_path
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem
from sinkdiag.studies.sensitivity import Advance

# Temperatures of the automatic grid.
AUTO_COUNT = 25


@dataclass(frozen=True)
class ConstantsRow:
    """One temperature (paper, A.7; the numbers are steps of its recipe).

    Attributes
    ----------
    eps:
        Temperature, cost units.
    p:
        1. ‖P‖_op, mass.
    lambda_min, M_num:
        2. Smallest eigenvalue of A off its null vector, mass, and its reciprocal.
    forcing_sup, forcing_row, forcing_col:
        3. sup over (k, l) in S of ‖A^+ m_kl‖_2 with m_kl = P_kl (e_k; e_l), and the pair.
    C1:
        4. eps·sup over ‖X‖_F = 1 of ‖DS[X]‖_2 / p, a lower estimate (Lemma A.9).
    separation, separation_holds:
        ‖A - A_S‖_2 / lambda_min_S, and whether it is below 1: then a Neumann series reduces A to
        its active support. The paper's condition is cut off; this one is ours.
    eta, tau:
        Lightest pair in S, heaviest pair off S (0 if S is everything), mass.
    support_size, components:
        Of the active support S.
    C0, K_quad:
        5. eps·‖DS‖ and eps²·‖D²S‖; K_quad is a lower estimate.
    R:
        2 C0²/K_quad, mass: the change of the plan at which the quadratic term of C -> P equals
        the linear one. Optimistic as far as K_quad is low; inf if K_quad = 0.
    tau_max:
        gap·R/κ(V) in the plan norm (Table 2).
    status:
        Gravest status of everything in the row.
    lambda_min_S:
        Smallest eigenvalue of A_S on the complement of one gauge for each component.
    bifurcates:
        Whether S differs from that of the temperature before (paper, A.1).
    C1_upper:
        C0/p >= C1.
    gap, kappa_V:
        1 - rho, and κ(V) in the plan norm.
    """

    eps: float
    p: float
    lambda_min: float
    M_num: float
    forcing_sup: float
    forcing_row: int
    forcing_col: int
    C1: float
    separation: float
    separation_holds: bool
    eta: float
    tau: float
    support_size: int
    components: int
    C0: float
    K_quad: float
    R: float
    tau_max: float
    status: Status
    lambda_min_S: float  # noqa: N815 - the paper's subscript
    bifurcates: bool
    C1_upper: float
    gap: float
    kappa_V: float  # noqa: N815


@dataclass(frozen=True)
class Thresholds:
    """What R allows a tracked run (Table 2).

    Attributes
    ----------
    R:
        2 C0²/K_quad.
    tau_max:
        gap·R/κ(V), plan norm.
    k_theory:
        R/‖J^K(I-J^K)^{-1}‖_plan/eps: the largest drift/eps that K sweeps a step can follow.
    gap, kappa_V:
        As in `ConstantsRow`.
    status:
        Gravest status of what these were made of.
    """

    R: float
    tau_max: float
    k_theory: float
    gap: float
    kappa_V: float  # noqa: N815
    status: Status


@dataclass(frozen=True, eq=False)
class ConstantsResult:
    """Rows in descending eps, with the responses that the claims are judged on."""

    rows: tuple[ConstantsRow, ...]
    curve: tuple[Response, ...]


def measure_constants(
    problem: Problem,
    grid: Sequence[float],
    *,
    seed: int = 0,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    advance: Advance | None = None,
) -> ConstantsResult:
    """One row for each temperature of a descending grid, cost units."""
    rows: list[ConstantsRow] = []
    curve: list[Response] = []
    for solution in solve_path(problem, grid, tol=tol, max_iter=max_iter):
        operator = factor_block(solution.plan)
        response = respond(problem, solution, operator, seed=seed)
        before = curve[-1].support if curve else None
        rows.append(_row(solution, operator, response, before, seed))
        curve.append(response)
        if advance is not None:
            advance("constants", len(rows), len(grid))
    return ConstantsResult(tuple(rows), tuple(curve))


def thresholds(
    problem: Problem,
    eps: float,
    iters: int,
    *,
    seed: int = 0,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    solution: Solution | None = None,
) -> Thresholds:
    """R, tau_max and k_theory at one temperature for ``iters`` sweeps a step.

    A solution at ``eps`` that is at hand may be given. What double precision does not resolve is
    nan, with status ``below_resolution``.
    """
    if solution is None:
        solution = solve_problem(problem, eps, tol=tol, max_iter=max_iter)
    operator = factor_block(solution.plan)
    if operator is None:
        nan = math.nan
        return Thresholds(nan, nan, nan, nan, nan, Status.BELOW_RESOLUTION)
    top, cubic = plan_sensitivity(operator, seed=seed), cubic_norm(operator, seed=seed)
    radius = _radius(top.value, cubic.value)
    spectrum = modes(solution.plan, solution.row, solution.col, "plan")
    gap = float(spectrum.gaps[0]) if len(spectrum.gaps) else 1.0
    kappa = spectrum.condition()
    return Thresholds(
        R=radius,
        tau_max=gap * radius / kappa,
        k_theory=radius / accumulated(spectrum, iters) / eps,
        gap=gap,
        kappa_V=kappa,
        status=worst([solution.status, top.status, cubic.status, spectrum.status]),
    )


def accumulated(spectrum: Modes, iters: int) -> float:
    """‖J^K (I - J^K)^{-1}‖: what is left of a steady drift after K sweeps at every step.

    Diagonal in the modes: λ^K/(1 - λ^K), the denominator from the gaps, so that it keeps its
    relative accuracy however close λ is to 1. 0 for no mode at all.
    """
    if not len(spectrum.gaps):
        return 0.0
    with np.errstate(divide="ignore"):
        logs = iters * np.log1p(-np.minimum(spectrum.gaps, 1.0))
    left = np.exp(logs) / -np.expm1(logs)
    if spectrum.norm == "natural":
        return float(left.max())
    if not spectrum.resolved:
        return math.nan
    return operator_norm((spectrum.factor * left) @ spectrum.inverse_factor)


def _radius(first: float, second: float) -> float:
    """R = 2 C0²/K_quad: inf for a linear map, whose K_quad is 0."""
    return math.inf if second == 0 else 2 * first**2 / second


def _row(
    solution: Solution,
    operator: BlockOperator | None,
    response: Response,
    before: ActiveSupport | None,
    seed: int,
) -> ConstantsRow:
    plan, support = solution.plan, response.support
    size = float(scipy.linalg.svdvals(plan)[0])
    lowest, forcing, rank_one = _with_whole(operator, support, seed)
    floor = smallest_on_support(plan, support)
    separation = _off_support_norm(plan, support) / floor.value
    spectrum = modes(plan, solution.row, solution.col, "plan")
    kappa = spectrum.condition()
    first, second = solution.eps * response.op_norm, response.cubic.value
    radius = _radius(first, second)
    off = plan[~support.mask]
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
    )


def _with_whole(
    operator: BlockOperator | None, support: ActiveSupport, seed: int
) -> tuple[Extreme, Forcing, RankOneNorm]:
    """What needs A of the whole plan: lambda_min, the forcing and C1·p."""
    if operator is None:
        status = Status.BELOW_RESOLUTION
        nothing = Extreme(value=math.nan, residual=math.nan, status=status)
        return nothing, Forcing(math.nan, -1, -1), RankOneNorm(math.nan, 0, status)
    return (
        smallest_eigenvalue(operator),
        largest_forcing(operator, support),
        rank_one_norm(operator, seed=seed),
    )


def _off_support_norm(plan: FloatArray, support: ActiveSupport) -> float:
    """‖A - A_S‖_2: the block operator of what S leaves out."""
    light = np.where(support.mask, 0.0, plan)
    if not light.any():
        return 0.0
    n = len(light)
    rows, cols = light.sum(axis=1), light.sum(axis=0)

    def apply(vector: FloatArray) -> FloatArray:
        a, b = vector[:n], vector[n:]
        return np.concatenate([rows * a + light @ b, light.T @ a + cols * b])

    return largest_eigenvalue(apply, np.concatenate([rows, cols])).value
