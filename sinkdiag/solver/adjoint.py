"""The layer in a training loop: K sweeps, and the exact gradient that automatic differentiation
of the same sweeps would give, with one exponential an entry.

Adjoint of unrolled sweeps: Peyré & Cuturi, *Computational Optimal Transport* (2019), section 9.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.problem import Problem
from sinkdiag.solver.adjoint_kernels import exponents, gathered, pulled_back, scaled, swept
from sinkdiag.solver.layer import Layer, Precision, record_sweeps


class Factors(NamedTuple):
    """What the kernels of one run read and overwrite.

    E ``kernel`` (n, m), the marginals ``row`` (n,) and ``col`` (m,), the factors of every sweep,
    ``u`` (K + 1, n) and ``v`` (K + 1, m), and those of the gradient, ``left`` and ``right``.
    """

    kernel: AnyArray
    row: AnyArray
    col: AnyArray
    u: AnyArray
    v: AnyArray
    left: AnyArray
    right: AnyArray


@dataclass(frozen=True, kw_only=True)
class Limits:
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


LIMITS = {
    np.float64: Limits(safe=1e120, still=1e-15, spent=1e-16, lowest=-690.0),
    np.float32: Limits(safe=1e13, still=2.4e-7, spent=1e-8, lowest=-75.0),
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
        self.plan: AnyArray = np.zeros((n, m), dtype)
        self.limits = LIMITS[dtype]
        self.factors = Factors(
            kernel=np.empty((n, m), dtype),
            row=problem.row.astype(dtype),
            col=problem.col.astype(dtype),
            u=np.empty((iters + 1, n), dtype),
            v=np.empty((iters + 1, m), dtype),
            left=np.empty((iters + 1, n), dtype),
            right=np.empty((iters + 1, m), dtype),
        )
        self._gradient = np.empty((n, m), dtype)
        self._shift_row, self._shift_col = np.empty(n, dtype), np.empty(m, dtype)
        self._none, self._zero = np.empty((0, 0), dtype), np.zeros(m, dtype)
        self._eps = np.nan
        self._done = 0
        self._wider: LayerRun | None = None
        self._instead: LayerRun | Layer | None = None

    def run(
        self,
        cost: AnyArray,
        eps: float,
        init: AnyArray | None = None,
        *,
        noise: AnyArray | None = None,
    ) -> AnyArray:
        """P_K after K sweeps from g = ``init`` (cost units; default 0) and a last update of f.

        ``noise``, (n, m), is added to the cost. Reduced by a_i = min_j (C_ij - g_j) and
        b_j = min_i (C_ij - a_i) the kernel has a 1 in every row and column, so its first sums are
        safe. Where later factors are not, float32 is run in float64, and that in the log domain.
        """
        self.prepare(cost, eps, init, noise)
        kernel, row, col, u, v, *_ = self.factors
        bounds = self.limits
        self.keep(swept(kernel, row, col, self.iters, u, v, bounds.safe, bounds.still))
        if self._done >= 0:
            scaled(kernel, u[self._done], v[self._done], self.plan)
        else:
            self.run_wider(cost, eps, init, noise)
        return self.plan

    def prepare(
        self, cost: AnyArray, eps: float, init: AnyArray | None, noise: AnyArray | None
    ) -> None:
        """E and V_0 into `factors`."""
        kernel, b = self.factors.kernel, self._shift_col
        start = self._zero if init is None else init
        exponents(
            cost,
            self._none if noise is None else noise,
            start,
            np.array([-1.0 / eps, self.limits.lowest, -np.inf], self.dtype),
            self._shift_row,
            b,
            kernel,
        )
        np.exp(kernel, out=kernel)
        self.factors.v[0] = np.exp((start - b) / eps)
        self._eps = eps

    def keep(self, done: int) -> None:
        """Sweeps were made from `factors`, ``done`` of them until they repeated themselves."""
        self._done, self._instead = done, None

    def run_wider(
        self, cost: AnyArray, eps: float, init: AnyArray | None, noise: AnyArray | None
    ) -> None:
        """The plan, where products of this precision are not safe."""
        met = cost if noise is None else cost + noise
        self._instead = self._run_wider(met, eps, init)
        self.plan[:] = self._instead.plan

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
        return np.asarray(self._shift_col + self._eps * np.log(self.factors.v[self._done]))

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
            v = self.factors.v[: self._done + 1]
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
        kernel, row, col, u, v, left, right = self.factors
        done, spent = self._done, self.limits.spent
        first = pulled_back(kernel, row, col, self.iters, done, u, v, weighted, spent, left, right)
        gathered(kernel, first, done, u, v, left, right, weighted, self._gradient)
        return self._gradient
