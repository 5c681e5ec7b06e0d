"""The state of a solve: a kernel absorbed at some potentials, and linear-domain factors on it."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.products import product, transposed_product
from sinkdiag.solver import kernels
from sinkdiag.solver.settings import DEFAULT, SolverSettings


class Scaling:
    """P = diag(u) K diag(v) with K_ij = exp((f_i + g_j - C_ij)/eps) stored.

    A sweep is then two matrix-vector products; the exponentials are taken again only when eps
    changes or when a factor leaves [1/ABSORB_BOUND, ABSORB_BOUND]. Between absorptions the entries
    of P keep their relative accuracy, whatever max|C|/eps is. Rows are exact after every method.
    """

    def __init__(
        self,
        cost: FloatArray,
        row: FloatArray,
        col: FloatArray,
        settings: SolverSettings = DEFAULT,
    ) -> None:
        self.cost, self.row, self.col = cost, row, col
        self.settings = settings
        self.eps = 1.0
        self.f, self.g = np.zeros(len(row)), np.zeros(len(col))
        self.kernel: FloatArray = np.empty(cost.shape)
        self.u, self.v = np.ones(len(row)), np.ones(len(col))
        self.image = np.empty(0)
        # Set when conjugate gradients were too slow for a Newton direction at this temperature.
        self.factor_first = False

    def build(self, eps: float, g: FloatArray | None = None) -> None:
        """Take the exponentials at temperature ``eps`` from the column potential ``g``."""
        self.g = self.potentials()[1] if g is None else g.copy()
        self.factor_first = self.factor_first and eps == self.eps
        self.eps = eps
        fill = (
            kernels.build_parallel
            if self.cost.size > self.settings.parallel_size
            else kernels.build
        )
        fill(self.cost, self.g, self.row, eps, self.f, self.kernel)
        self.u, self.v = np.ones(len(self.row)), np.ones(len(self.col))
        self.image = self.kernel.sum(axis=0)

    def potentials(self) -> tuple[FloatArray, FloatArray]:
        """(f, g) of the present plan, in cost units."""
        return self.f + self.eps * np.log(self.u), self.g + self.eps * np.log(self.v)

    @property
    def col_sum(self) -> FloatArray:
        """P'1, shape (m,)."""
        return self.v * self.image

    def residual(self) -> float:
        """Largest relative error of the columns (the rows are exact)."""
        return float(np.abs(self.v * self.image / self.col - 1.0).max())

    def sweep(self) -> None:
        """One sweep, v = c/(K'u) and u = r/(Kv); through the log domain where that is unsafe."""
        with np.errstate(divide="ignore", over="ignore"):
            v = self.col / self.image
        if not self._take(v):
            self._log_sweep()

    def shift(self, direction: FloatArray) -> None:
        """Add eps * direction to g and update f."""
        with np.errstate(over="ignore"):
            v = self.v * np.exp(direction)
        if not self._take(v):
            self.build(self.eps, self.potentials()[1] + self.eps * direction)

    def trial(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The factors u, v after `shift`, without moving."""
        v = self.v * np.exp(direction)
        return self.row / product(self.kernel, v), v

    def accept(self, u: FloatArray, v: FloatArray) -> None:
        """Move to the factors of a `trial`."""
        self.u, self.v = u, v
        self.image = transposed_product(self.kernel, u)
        if not (_safe(u) and _safe(v)):
            self.build(self.eps)

    def take_plan(self) -> FloatArray:
        """The plan, (n, m), rows exact, in the kernel's own memory: the state ends with it."""
        plan = self.kernel
        plan *= self.v
        plan *= (self.row / plan.sum(axis=1))[:, None]
        return plan

    def _take(self, v: FloatArray) -> bool:
        if not _safe(v):
            return False
        u = self.row / product(self.kernel, v)
        if not _safe(u):
            return False
        self.u, self.v = u, v
        self.image = transposed_product(self.kernel, u)
        return True

    def _log_sweep(self) -> None:
        f, g = self.potentials()
        kernels.col_update(self.cost, f, np.log(self.col), self.eps, g)
        self.build(self.eps, g)


def _safe(factor: FloatArray) -> bool:
    low, high = float(factor.min()), float(factor.max())
    return low >= 1.0 / kernels.ABSORB_BOUND and high <= kernels.ABSORB_BOUND
