"""The layer as it is used: K sweeps from a given start, at any precision, and their derivatives.

The Jacobian of K sweeps is a product of K different ones, J_K = Π_t Q2_t' Q1_t with Q1_t the plan
before and Q2_t after the column update, scaled to stochastic rows and columns. Each factor
averages, so J_K keeps constants; unlike J at the fixed point it is not self-adjoint in any diagonal
norm.

Three ways to run it: `run_sweeps`, compiled products with a stored kernel, in float64;
`sweep_plan`, in the log domain and in the arithmetic of a given precision, as a layer on an
accelerator runs; and `unroll`, the same with every half-sweep kept for the derivatives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status
from sinkdiag.solver import kernels
from sinkdiag.solver.certify import marginal_error

Precision = type[np.floating[Any]]
# Entries of the stored sweeps, (2K + 1) n m; above this (800 MB) the layer is not unrolled.
UNROLL_LIMIT = 100_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """K unrolled sweeps at one temperature, in the arithmetic of ``plan.dtype``.

    ``rows[t]`` (n, m) are the row-stochastic Q1_t, t = 0..K, the last for the final update of f;
    ``cols[t]`` (n, m) the column-stochastic Q2_t, t = 0..K-1. ``plan`` is the output P_K, ``g``
    the potentials (K + 1, m) from the start to the last sweep, cost units.
    """

    eps: float
    rows: list[AnyArray]
    cols: list[AnyArray]
    plan: AnyArray
    g: AnyArray

    @property
    def iters(self) -> int:
        """K."""
        return len(self.cols)

    def sweep_product(self, vectors: FloatArray) -> FloatArray:
        """J_K applied to potentials g, shape (m, k): dg_K for a change of g_0, mean-free.

        Constants are dropped after every sweep: beside them what decays would drown in rounding.
        """
        for first, second in zip(self.rows, self.cols, strict=False):
            vectors = second.T @ (first @ vectors)
            vectors = vectors - vectors.mean(axis=0)
        return vectors

    def jvp(self, change: AnyArray) -> AnyArray:
        """dP_K for a change of the cost, both (n, m)."""
        change = change.astype(self.plan.dtype, copy=False)
        g = np.zeros(change.shape[1], dtype=change.dtype)
        for first, second in zip(self.rows, self.cols, strict=False):
            f = _dot(first, change, 1) - first @ g
            g = _dot(second, change, 0) - second.T @ f
        f = _dot(self.rows[-1], change, 1) - self.rows[-1] @ g
        return np.asarray(self.plan * (f[:, None] + g - change) / change.dtype.type(self.eps))

    def vjp(self, cotangent: AnyArray) -> AnyArray:
        """The gradient of <cotangent, P_K> in the cost, both (n, m), by reverse accumulation."""
        return self.pull_back(cotangent * self.plan / self.plan.dtype.type(self.eps))

    def pull_back(self, weighted: AnyArray) -> AnyArray:
        """The same from W = cotangent∘P_K/eps, which is finite where a loss of log P is not."""
        gradient = -weighted
        f, g = weighted.sum(axis=1), weighted.sum(axis=0)
        gradient += f[:, None] * self.rows[-1]
        g = g - self.rows[-1].T @ f
        for first, second in zip(self.rows[-2::-1], self.cols[::-1], strict=True):
            gradient += second * g
            f = -(second @ g)
            gradient += f[:, None] * first
            g = -(first.T @ f)
        return np.asarray(gradient)


def run_sweeps(
    problem: Problem, eps: float, iters: int, init: FloatArray | None = None
) -> Solution:
    """Exactly ``iters`` sweeps from the potential ``init`` (default 0), then a last update of f.

    Sweeps are products with the stored kernel, whose increments are absorbed into the potentials
    before they leave the safe range: the accuracy of the log domain at a fraction of its time.
    """
    row, col = problem.row, problem.col
    f, plan = np.zeros(len(row)), np.empty_like(problem.cost)
    g = np.zeros(len(col)) if init is None else init.copy()
    kernels.sweeps(problem.cost, row, col, eps, iters, f, g, plan)
    return Solution(
        f=f,
        g=g,
        plan=plan,
        row=row,
        col=col,
        eps=eps,
        iters=iters,
        marginal_error=marginal_error(plan, row, col),
        status=Status.TRUNCATED,
    )


def carry(problem: Problem, eps: float, iters: int, init: FloatArray | None = None) -> FloatArray:
    """The g (m,) that `run_sweeps` ends with, without its plan."""
    g = np.zeros_like(problem.col) if init is None else init.copy()
    f, room = np.zeros_like(problem.row), np.empty_like(problem.cost)
    kernels.carry(problem.cost, problem.row, problem.col, eps, iters, f, g, room)
    return g


def unroll(
    problem: Problem,
    eps: float,
    iters: int,
    *,
    dtype: Precision = np.float64,
    init: FloatArray | None = None,
) -> Layer | None:
    """Run K sweeps in the log domain, from g = ``init`` (default 0), keeping every softmax.

    See `sweep_plan`. None when (2K + 1) n m exceeds `UNROLL_LIMIT`.
    """
    if (2 * iters + 1) * problem.cost.size > UNROLL_LIMIT:
        return None
    return record_sweeps(problem, eps, iters, dtype=dtype, init=init)


def record_sweeps(
    problem: Problem,
    eps: float,
    iters: int,
    *,
    dtype: Precision = np.float64,
    init: FloatArray | None = None,
) -> Layer:
    """`unroll`, however much memory it takes."""
    *steps, (plan, _) = _half_sweeps(problem, eps, iters, dtype, init)
    start = np.zeros_like(problem.col) if init is None else init
    return Layer(
        eps=eps,
        rows=[share for share, _ in steps[::2]],
        cols=[share for share, _ in steps[1::2]],
        plan=plan,
        g=np.stack([start.astype(dtype), *(g for _, g in steps[1::2])]),
    )


def sweep_plan(
    problem: Problem,
    eps: float,
    iters: int,
    *,
    dtype: Precision = np.float64,
    init: FloatArray | None = None,
) -> AnyArray:
    """P_K (n, m) after K log-domain sweeps from g = ``init`` (default 0), all in ``dtype``.

    f_i = eps (log r_i - LSE_j((g_j - C_ij)/eps)), g_j likewise, f last, as a layer in that
    precision would: its exponents are off by about max|C|/eps rounding units.
    """
    return deque(_half_sweeps(problem, eps, iters, dtype, init), maxlen=1).pop()[0]


def _half_sweeps(
    problem: Problem, eps: float, iters: int, dtype: Precision, init: FloatArray | None
) -> Iterator[tuple[AnyArray, AnyArray]]:
    """The softmax of every half-sweep, over rows and over columns in turn, and then the plan.

    Each comes with the potential that it leads to, the plan with the last f.
    """
    cost, temperature = problem.cost.astype(dtype), dtype(eps)
    log_row, log_col = np.log(problem.row).astype(dtype), np.log(problem.col).astype(dtype)
    g = np.zeros(cost.shape[1], dtype=dtype) if init is None else init.astype(dtype)
    for step in range(iters + 1):
        total, share = _softmax((g - cost) / temperature, axis=1)
        f = temperature * (log_row - total)
        yield share, f
        if step < iters:
            total, share = _softmax((f[:, None] - cost) / temperature, axis=0)
            g = temperature * (log_col - total)
            yield share, g
    yield np.exp((f[:, None] + g - cost) / temperature), f


def _softmax(exponent: AnyArray, axis: int) -> tuple[AnyArray, AnyArray]:
    """LSE along an axis, and the softmax."""
    top = exponent.max(axis=axis, keepdims=True)
    share = np.exp(exponent - top)
    total = share.sum(axis=axis, keepdims=True)
    return (np.log(total) + top).squeeze(axis), share / total


def _dot(share: AnyArray, change: AnyArray, axis: int) -> AnyArray:
    return np.asarray(np.einsum("ij,ij->i" if axis == 1 else "ij,ij->j", share, change))
