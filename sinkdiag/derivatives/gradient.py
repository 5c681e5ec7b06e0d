"""Gradients of whatever depends on the plan, by implicit differentiation of the fixed point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.jacobian.block import factor_block
from sinkdiag.problem import check_real, make_problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Gradient:
    """What a cotangent of the plan pulls back to.

    Attributes
    ----------
    cost:
        Gradient in the cost, shape (n, m), per cost unit; 0 at forbidden pairs.
    eps:
        Gradient in the temperature, per cost unit.
    solution:
        The fixed point at which it was taken.
    status:
        That of the fixed point; ``below_resolution``, with nan everywhere, when the plan's masses
        span more than double precision holds.
    """

    cost: FloatArray
    eps: float
    solution: Solution
    status: Status


def vjp(
    cost: ArrayLike,
    eps: float,
    cotangent: ArrayLike,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    init: ArrayLike | None = None,
) -> Gradient:
    """Pull a cotangent G = dℓ/dP of the plan back to dℓ/dC and dℓ/deps.

    With K(X) = X - A^+B(X), the P-weighted least-squares residual of X against a⊕b,

        dℓ/dC = -(1/eps) P∘K(G)        dℓ/deps = (1/eps²) <P∘K(G), K(C)>

    The derivative of the plan in the cost is symmetric, so one solve with A serves any G; no
    iteration is differentiated. The marginals are held fixed.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; +inf forbids a pair.
    eps:
        Temperature, cost units.
    cotangent:
        G, shape (n, m), per unit of mass.
    row, col, tol, max_iter, init:
        As in `sinkdiag.solve`.

    Raises
    ------
    InputError
        When an input cannot be used.

    Source: paper, Eqs. 11-12, without the 1/eps that Eq. 12 has too much, and with the direct term
    that Eq. 14 leaves out.
    """
    problem = make_problem(cost, row=row, col=col)
    given = check_real(cotangent, "cotangent")
    if given.shape != problem.cost.shape or not np.all(np.isfinite(given)):
        raise InputError(
            "cotangent",
            f"shape {given.shape} does not fit the cost {problem.cost.shape}, or it is not finite",
            "give one finite derivative for each entry of the plan",
        )
    solution = solve_problem(problem, eps, tol=tol, max_iter=max_iter, init=init)
    pulled = pull_back(problem.cost, eps, solution.plan, given)
    if pulled is None:
        nothing = np.full_like(problem.cost, np.nan)
        return Gradient(
            cost=nothing, eps=math.nan, solution=solution, status=Status.BELOW_RESOLUTION
        )
    return Gradient(cost=pulled[0], eps=pulled[1], solution=solution, status=solution.status)


def pull_back(
    cost: FloatArray, eps: float, plan: FloatArray, cotangent: FloatArray
) -> tuple[FloatArray, float] | None:
    """dℓ/dC (n, m) and dℓ/deps of `vjp` at a fixed point that is known; None below resolution."""
    operator = factor_block(plan)
    if operator is None:
        return None
    moved = operator.move(cotangent)
    left = operator.residual(finite_cost(cost))
    return -moved / eps, float(np.vdot(moved, left)) / eps**2


def finite_cost(cost: FloatArray) -> FloatArray:
    """The cost with forbidden pairs, which carry no mass, set to 0."""
    return np.where(np.isfinite(cost), cost, 0.0)
