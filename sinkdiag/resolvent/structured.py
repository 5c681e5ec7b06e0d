"""How far real cost perturbations move the spectrum: the image of the ball ‖δC‖_F <= s.

Arbitrary perturbations of J, which pseudospectra are about, are not physical: a change of the cost
moves J along a few directions only, and the eigenvalues stay real. With x a D_c-normalised
eigenvector and p = D_r^{-1}Px, p'D_r p = λ, perturbation theory gives dλ = 2 p'dP x; dP has zero
marginals, so that

    dλ = -<W, dP>,   W_ij = (p_i - x_j)²,    ∇_C λ = -DS[W],

where DS[X] = P∘(a⊕b - X)/eps, self-adjoint, is the derivative of the plan in the cost. The square
keeps the small differences that a gap is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis, eigenbasis
from sinkdiag.problem import Problem

Solve = Callable[[Problem], FloatArray | None]

MODES = 5
# Eigenvalues closer than this (relative) have no gradient of their own.
_SEPARATE = 1e-8
# The response divides by gaps; below this it may be rounding.
_SMALLEST_GAP = 1e-7


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Eigenvalue number ``index`` (0 the largest) under cost perturbations of Frobenius norm s.

    ``low`` and ``high`` bound it to first order, λ ± s‖∇_C λ‖_F; ``attained_low`` and
    ``attained_high`` are its values at C ∓ s ∇λ/‖∇λ‖, solved again. nan: an eigenvalue that is not
    simple, a gap too small to resolve, or a perturbed problem without a fixed point.
    """

    index: int
    eigenvalue: float
    low: float = math.nan
    high: float = math.nan
    attained_low: float = math.nan
    attained_high: float = math.nan


def structured_shifts(
    problem: Problem,
    basis: EigenBasis,
    eps: float,
    size: float,
    solve: Solve,
) -> tuple[Shift, ...]:
    """The leading eigenvalues' reach under ‖δC‖_F <= ``size`` (cost units).

    ``solve`` gives the plan of a perturbed problem at the same eps, none where it fails.
    """
    shifts = []
    for k in range(min(MODES, len(basis.gaps))):
        value = float(basis.eigenvalues[k])
        if not _simple(basis, k):
            shifts.append(Shift(index=k, eigenvalue=value))
            continue
        gradient = eigenvalue_gradient(basis, eps, k)
        length = float(np.linalg.norm(gradient))
        ends = [
            _moved(problem, gradient * (sign * size / length), k, solve) if length > 0 else value
            for sign in (-1.0, 1.0)
        ]
        shifts.append(
            Shift(
                index=k,
                eigenvalue=value,
                low=value - size * length,
                high=value + size * length,
                attained_low=ends[0],
                attained_high=ends[1],
            )
        )
    return tuple(shifts)


def eigenvalue_gradient(basis: EigenBasis, eps: float, k: int) -> FloatArray:
    """∇_C λ_k, shape (n, m), per cost unit; zero on forbidden pairs."""
    plan = np.asarray(basis.plan)
    x = basis.vectors[:, k]
    p = (plan @ x) / basis.row
    moved = plan * (p[:, None] - x[None, :]) ** 2
    out = moved.sum(axis=1)
    flux = moved.sum(axis=0) - plan.T @ (out / basis.row)
    b = basis.vectors @ ((basis.vectors.T @ flux) / basis.gaps)
    a = (out - plan @ b) / basis.row
    return np.asarray(-(plan * (a[:, None] + b[None, :]) - moved) / eps)


def _simple(basis: EigenBasis, k: int) -> bool:
    gaps = basis.gaps
    if not gaps[0] > _SMALLEST_GAP:
        return False
    others = np.delete(gaps, k)
    return not len(others) or float(np.abs(others - gaps[k]).min()) > _SEPARATE * gaps[k]


def _moved(problem: Problem, change: FloatArray, k: int, solve: Solve) -> float:
    moved = replace(problem, cost=problem.cost + change)
    plan = solve(moved)
    if plan is None:
        return math.nan
    return float(eigenbasis(plan, problem.row, problem.col).eigenvalues[k])
