"""The fixed point as a function of tensors, differentiated implicitly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.gradient import pull_back
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL, solve_problem


def sinkhorn(
    cost: torch.Tensor,
    eps: float | torch.Tensor,
    *,
    row: torch.Tensor | None = None,
    col: torch.Tensor | None = None,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
) -> torch.Tensor:
    """P* = exp((f ⊕ g - C)/eps), run to its fixed point; gradients in C and eps are implicit.

    No sweep is differentiated: with K(X) = X - A^+B(X) the cotangent G gives
    dℓ/dC = -(1/eps) P∘K(G) and dℓ/deps = (1/eps²) <P∘K(G), K(C)> (`sinkdiag.vjp`). Computed on the
    processor in float64, each matrix by itself, and returned in the cost's type on its device: a
    reference to train and to test against, and no fast layer. Not differentiable twice.

    Parameters
    ----------
    cost:
        (n, m) or (…, n, m), cost units; +inf forbids a pair.
    eps:
        Temperature, cost units; a tensor of one number may carry gradients.
    row, col:
        Marginals (n,), (m,), default 1 and n/m; held fixed.
    tol, max_iter:
        As in `sinkdiag.solve`.

    Returns
    -------
    The plan, of the cost's shape. Its gradient is nan where double precision does not hold it.

    Raises
    ------
    InputError
        When an input cannot be used.
    ArithmeticError
        When the fixed point is not reached; the message has its status.
    """
    temperature = (
        eps if isinstance(eps, torch.Tensor) else torch.tensor(float(eps), dtype=torch.float64)
    )
    settings = _Settings(row=_array(row), col=_array(col), tol=tol, max_iter=max_iter)
    plan: torch.Tensor = _FixedPoint.apply(cost, temperature, settings)
    return plan


@dataclass(frozen=True, kw_only=True, eq=False)
class _Settings:
    row: FloatArray | None
    col: FloatArray | None
    tol: float
    max_iter: int


class _FixedPoint(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, cost: torch.Tensor, eps: torch.Tensor, settings: _Settings
    ) -> torch.Tensor:
        costs, temperature = _required(cost), float(eps)
        matrices = costs.reshape(-1, *costs.shape[-2:])
        plans = [_solved(matrix, temperature, settings) for matrix in matrices]
        ctx.costs, ctx.plans, ctx.eps = matrices, plans, eps
        return torch.from_numpy(np.stack(plans).reshape(costs.shape)).to(cost)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given = _required(cotangent).reshape(ctx.costs.shape)
        gradient, slope = np.full_like(given, np.nan), 0.0
        for at, (cost, plan) in enumerate(zip(ctx.costs, ctx.plans, strict=True)):
            pulled = pull_back(cost, float(ctx.eps), plan, given[at])
            if pulled is None:
                slope = np.nan
            else:
                gradient[at] = pulled[0]
                slope += pulled[1]
        into_cost = torch.from_numpy(gradient.reshape(cotangent.shape)).to(cotangent)
        return into_cost, torch.full_like(ctx.eps, slope), None


def _solved(cost: FloatArray, eps: float, settings: _Settings) -> FloatArray:
    problem = make_problem(cost, row=settings.row, col=settings.col)
    solution = solve_problem(problem, eps, tol=settings.tol, max_iter=settings.max_iter)
    if solution.status not in (Status.CONVERGED, Status.FROZEN):
        raise ArithmeticError(f"the fixed point at eps {eps:g} is {solution.status}")
    return solution.plan


def _required(values: torch.Tensor) -> FloatArray:
    return np.asarray(values.detach().to("cpu", torch.float64).numpy())


def _array(values: torch.Tensor | None) -> FloatArray | None:
    return None if values is None else _required(values)
