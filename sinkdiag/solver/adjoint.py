"""The layer in a training loop: K sweeps, and the exact gradient that automatic differentiation
of the same sweeps would give, with one exponential an entry.

Adjoint of unrolled sweeps: Peyré & Cuturi, *Computational Optimal Transport* (2019), section 9.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.problem import Problem
from sinkdiag.solver.adjoint_kernels import exponents, gathered, pulled_back, scaled, swept
from sinkdiag.solver.layer import Layer, Precision, record_sweeps


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """What products in one precision bear.

    ``safe``: factors below it leave of the kernel's underflow nothing that counts. ``still``:
    sweeps whose factors move by less, relatively, repeat each other to rounding. ``spent``: what is
    left of an adjoint below this share of its start changes no digit: half-sweeps average.
    ``lowest``: exponents below it are as good as -inf; their exponentials, and products with them,
    would be denormal, which is ten times slower.
    """

    safe: float
    still: float
    spent: float
    lowest: float


_LIMITS = {
    np.float64: _Limits(safe=1e120, still=1e-15, spent=1e-16, lowest=-690.0),
    np.float32: _Limits(safe=1e13, still=2.4e-7, spent=1e-8, lowest=-75.0),
}


class LayerRun:
    """One layer of ``iters`` sweeps that is run again and again on costs of one shape.

    It holds the arrays that its runs overwrite, so it belongs to one thread.

    Parameters
    ----------
    problem:
        Marginals r (n,), c (m,) and the shape; its cost is not used.
    iters:
        K.
    dtype:
        float64, or float32 as layers on an accelerator run.

    Attributes
    ----------
    plan:
        P_K of the last run, (n, m); overwritten by the next one.
    """

    def __init__(self, problem: Problem, iters: int, dtype: Precision = np.float64) -> None:
        self.problem, self.iters, self.dtype = problem, iters, dtype
        n, m = problem.cost.shape
        self._row, self._col = problem.row.astype(dtype), problem.col.astype(dtype)
        self.plan: AnyArray = np.zeros((n, m), dtype)
        self._gradient = np.empty((n, m), dtype)
        self._kernel, self._across = np.empty((n, m), dtype), np.empty((m, n), dtype)
        self._u, self._v = np.empty((iters + 1, n), dtype), np.empty((iters + 1, m), dtype)
        self._left, self._right = np.empty_like(self._u), np.empty_like(self._v)
        self._shift_row, self._shift_col = np.empty((n, 1), dtype), np.empty(m, dtype)
        self._limits = _LIMITS[dtype]
        self._eps = np.nan
        self._done = 0
        self._wider: LayerRun | None = None
        self._instead: LayerRun | Layer | None = None

    def run(self, cost: AnyArray, eps: float, init: AnyArray | None = None) -> AnyArray:
        """P_K after K sweeps from g = ``init`` (cost units; default 0) and a last update of f.

        Reduced by a_i = min_j (C_ij - g_j) and b_j = min_i (C_ij - a_i) the kernel has a 1 in every
        row and column, so its first sums are safe. Where later factors are not, float32 is run in
        float64, and that in the log domain.
        """
        kernel, a, b = self._kernel, self._shift_row, self._shift_col
        np.min(cost if init is None else cost - init, axis=1, out=a, keepdims=True)
        np.subtract(cost, a, out=kernel)
        np.min(kernel, axis=0, out=b)
        exponents(kernel, b, -1.0 / eps, self._limits.lowest)
        np.exp(kernel, out=kernel)
        np.copyto(self._across, kernel.T)
        self._eps = eps
        self._v[0] = np.exp((-b if init is None else init - b) / eps)
        u, v, bounds = self._u, self._v, self._limits
        self._done = swept(
            kernel, self._across, self._row, self._col, self.iters, u, v, bounds.safe, bounds.still
        )
        self._instead = None if self._done >= 0 else self._run_wider(cost, eps, init)
        if self._instead is None:
            scaled(kernel, u[self._done], v[self._done], self.plan)
        else:
            self.plan[:] = self._instead.plan
        return self.plan

    def _run_wider(self, cost: AnyArray, eps: float, init: AnyArray | None) -> LayerRun | Layer:
        if self.dtype is np.float64:
            return record_sweeps(replace(self.problem, cost=cost), eps, self.iters, init=init)
        if self._wider is None:
            self._wider = LayerRun(self.problem, self.iters)
        self._wider.run(cost.astype(np.float64), eps, init)
        return self._wider

    def potential(self) -> AnyArray:
        """G after the last sweep, (m,), cost units: what a warm layer carries to its next call."""
        if isinstance(self._instead, LayerRun):
            return self._instead.potential()
        if self._instead is not None:
            return np.array(self._instead.g[-1])
        return np.asarray(self._shift_col + self._eps * np.log(self._v[self._done]))

    def residuals(self) -> FloatArray:
        """χ_t = sqrt(Σ_j (column residual)²/c_j) before each of the K column updates, (K,).

        After u_t = r/(E v_t) the column sums are c v_t/v_{t+1}.
        """
        if isinstance(self._instead, LayerRun):
            return self._instead.residuals()
        found = np.zeros(self.iters)
        if self._instead is not None:
            excess = np.expm1(-np.diff(self._instead.g, axis=0) / self._eps)
        else:
            v = self._v[: self._done + 1]
            excess = v[:-1] / v[1:] - 1.0
        found[: len(excess)] = np.sqrt((self.problem.col * excess**2).sum(axis=1))
        return found

    def pull_back(self, weighted: AnyArray) -> AnyArray:
        """The gradient in the cost of a loss l(P_K), (n, m); overwritten by the next call.

        ``weighted`` is W = P∘(dl/dP)/eps; the starting potential counts as given.
        """
        if self._instead is not None:
            self._gradient[:] = self._instead.pull_back(weighted.astype(np.float64))
            return self._gradient
        kernel, done = self._kernel, self._done
        left, right = self._left[: done + 1], self._right[: done + 1]
        pulled_back(
            kernel,
            self._across,
            self._row,
            self._col,
            self.iters,
            done,
            self._u,
            self._v,
            weighted.sum(axis=1),
            weighted.sum(axis=0),
            self._limits.spent,
            left,
            right,
        )
        gathered(kernel, self._u, self._v, left, right, weighted, self._gradient)
        return self._gradient
