"""The layer in a training loop: K sweeps, and the exact gradient that automatic differentiation
of the same sweeps would give, with one exponential an entry.

Adjoint of unrolled sweeps: Peyré & Cuturi, *Computational Optimal Transport* (2019), section 9.1.3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem
from sinkdiag.solver.adjoint_kernels import gathered, pulled_back, scaled, swept
from sinkdiag.solver.layer import Layer, record_sweeps


class LayerRun:
    """One layer of ``iters`` sweeps that is run again and again on costs of one shape.

    It holds the arrays that its runs overwrite, so a run belongs to one thread.

    Parameters
    ----------
    problem:
        Marginals r (n,), c (m,) and the shape; its cost is not used.
    iters:
        K.

    Attributes
    ----------
    plan:
        P_K of the last run, (n, m); overwritten by the next one.
    """

    def __init__(self, problem: Problem, iters: int) -> None:
        self.problem, self.iters = problem, iters
        n, m = problem.cost.shape
        self.plan = np.zeros((n, m))
        self._kernel, self._across = np.empty((n, m)), np.empty((m, n))
        self._u, self._v = np.empty((iters + 1, n)), np.empty((iters + 1, m))
        self._left, self._right = np.empty((iters + 1, n)), np.empty((iters + 1, m))
        self._shift_row, self._shift_col = np.empty((n, 1)), np.empty(m)
        self._eps = np.nan
        self._done = 0
        self._layer: Layer | None = None

    def run(self, cost: FloatArray, eps: float, init: FloatArray | None = None) -> FloatArray:
        """P_K after K sweeps from g = ``init`` (cost units; default 0) and a last update of f.

        Reduced by a_i = min_j (C_ij - g_j) and b_j = min_i (C_ij - a_i) the kernel has a 1 in every
        row and column, so its first sums are safe; where later factors are not, the sweeps are
        done in the log domain.
        """
        kernel, a, b = self._kernel, self._shift_row, self._shift_col
        np.min(cost if init is None else cost - init, axis=1, out=a, keepdims=True)
        np.subtract(cost, a, out=kernel)
        np.min(kernel, axis=0, out=b)
        kernel -= b
        kernel *= -1.0 / eps
        np.exp(kernel, out=kernel)
        np.copyto(self._across, kernel.T)
        self._eps = eps
        self._v[0] = np.exp((-b if init is None else init - b) / eps)
        row, col = self.problem.row, self.problem.col
        self._done = swept(kernel, self._across, row, col, self.iters, self._u, self._v)
        self._layer = None
        if self._done >= 0:
            scaled(kernel, self._u[self._done], self._v[self._done], self.plan)
        else:
            problem = replace(self.problem, cost=cost)
            self._layer = record_sweeps(problem, eps, self.iters, init=init)
            self.plan[:] = self._layer.plan
        return self.plan

    def potential(self) -> FloatArray:
        """g after the last sweep, (m,), cost units: what a warm layer carries to its next call."""
        if self._layer is not None:
            return np.array(self._layer.g[-1])
        return np.asarray(self._shift_col + self._eps * np.log(self._v[self._done]))

    def residuals(self) -> FloatArray:
        """χ_t = sqrt(Σ_j (column residual)²/c_j) before each of the K column updates, (K,).

        After u_t = r/(E v_t) the column sums are c v_t/v_{t+1}.
        """
        found = np.zeros(self.iters)
        if self._layer is not None:
            excess = np.expm1(-np.diff(self._layer.g, axis=0) / self._eps)
        else:
            v = self._v[: self._done + 1]
            excess = v[:-1] / v[1:] - 1.0
        found[: len(excess)] = np.sqrt((self.problem.col * excess**2).sum(axis=1))
        return found

    def pull_back(self, weighted: FloatArray, gradient: FloatArray) -> FloatArray:
        """The gradient in the cost of a loss l(P_K), into ``gradient`` (n, m).

        ``weighted`` is W = P∘(dl/dP)/eps; the starting potential counts as given.
        """
        if self._layer is not None:
            gradient[:] = self._layer.pull_back(weighted)
            return gradient
        kernel, done = self._kernel, self._done
        left, right = self._left[: done + 1], self._right[: done + 1]
        pulled_back(
            kernel,
            self._across,
            self.problem.row,
            self.problem.col,
            self.iters,
            done,
            self._u,
            self._v,
            weighted.sum(axis=1),
            weighted.sum(axis=0),
            left,
            right,
        )
        gathered(kernel, self._u, self._v, left, right, weighted, gradient)
        return gradient
