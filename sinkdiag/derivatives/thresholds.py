"""What the second derivative allows an annealing step to change (paper, Table 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.response import plan_sensitivity
from sinkdiag.derivatives.second_order import cubic_norm
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.modes import Modes, modes
from sinkdiag.numerics.norms import operator_norm
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What R allows a tracked run.

    Attributes
    ----------
    R:
        min(2 C0²/K_quad, diameter of the transport polytope), mass.
    tau_max:
        gap·R/κ(V), plan norm.
    k_theory:
        R/‖J^K(I-J^K)^{-1}‖_plan/eps: the largest drift/eps that K sweeps a step can follow; inf
        where they leave nothing.
    gap, kappa_V:
        1 - rho, and κ(V) in the plan norm.
    status:
        Gravest status of what these were made of.
    """

    R: float
    tau_max: float
    k_theory: float
    gap: float
    kappa_V: float  # noqa: N815 - the paper's name
    status: Status


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
        return Thresholds(
            R=nan,
            tau_max=nan,
            k_theory=nan,
            gap=nan,
            kappa_V=nan,
            status=Status.BELOW_RESOLUTION,
        )
    top, cubic = plan_sensitivity(operator, seed=seed), cubic_norm(operator, seed=seed)
    diameter = polytope_diameter(solution.row, solution.col)
    radius = float(quadratic_radius(top.value, cubic.value, diameter))
    spectrum = modes(solution.plan, solution.row, solution.col, "plan")
    gap = float(spectrum.gaps[0]) if len(spectrum.gaps) else 1.0
    kappa = spectrum.condition()
    return Thresholds(
        R=radius,
        tau_max=gap * radius / kappa,
        k_theory=_followed(radius, accumulated(spectrum, iters)) / eps,
        gap=gap,
        kappa_V=kappa,
        status=worst([solution.status, top.status, cubic.status, spectrum.status]),
    )


def quadratic_radius(
    first: FloatArray | float, second: FloatArray | float, diameter: float
) -> FloatArray:
    """R = min(2 C0²/K_quad, diameter): where the quadratic term of C -> P equals the linear one.

    No plan is farther from another than the ``diameter`` of their polytope, which caps R where
    K_quad is small or 0. K_quad is a lower estimate, so that R is optimistic.
    """
    first, second = np.asarray(first), np.asarray(second)
    linear = second == 0
    ratio = first / np.where(linear, 1.0, second)
    found = np.where(linear, math.inf, 2.0 * first * ratio)
    return np.asarray(np.minimum(found, diameter))


def polytope_diameter(row: FloatArray, col: FloatArray) -> float:
    """sqrt(2)·min(‖r‖_2, ‖c‖_2) >= ‖P - Q‖_F for all plans P, Q with marginals r and c; mass.

    <P, Q> >= 0, so ‖P - Q‖² <= ‖P‖² + ‖Q‖², and ‖P‖² <= Σ_ij P_ij r_i = ‖r‖², likewise ‖c‖².
    Attained by two disjoint permutations: sqrt(2n) for unit marginals.
    """
    return math.sqrt(2.0) * min(float(np.linalg.norm(row)), float(np.linalg.norm(col)))


def _followed(radius: float, left: float) -> float:
    """R/‖J^K(I - J^K)^{-1}‖: inf where K sweeps leave nothing that a double can hold."""
    return radius / left if left != 0.0 else radius * math.inf


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
