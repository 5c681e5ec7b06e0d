"""The layer as it is used: K sweeps from a cold start, and their derivatives.

The Jacobian of K sweeps is a product of K different ones, J_K = Π_t Q2_t' Q1_t with Q1_t the plan
before and Q2_t after the column update, scaled to stochastic rows and columns. Each factor
averages, so J_K keeps constants; unlike J at the fixed point it is not self-adjoint in any diagonal
norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse.linalg
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.metric import MetricFactor, plan_metric
from sinkdiag.jacobian.modes import Norm, metric_of
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.numerics.norms import singular_values
from sinkdiag.problem import Problem

Real = NDArray[Any]
# Entries of the stored sweeps, (2K + 1) n m; above this (800 MB) the layer is not unrolled.
UNROLL_LIMIT = 100_000_000
# Lanczos on a derivative: residual relative to its square, steps, and the entries of stored sweeps
# that all steps together may read.
_GAIN_TOL, _GAIN_STEPS, _GAIN_READS = 1e-2, 24, 200_000_000
_DENSE = 200


@dataclass(frozen=True, eq=False)
class Layer:
    """K unrolled sweeps at one temperature, in the arithmetic of ``plan.dtype``.

    ``rows[t]`` (n, m) are the row-stochastic Q1_t, t = 0..K, the last for the final update of f;
    ``cols[t]`` (n, m) the column-stochastic Q2_t, t = 0..K-1. ``plan`` is the output P_K.
    """

    eps: float
    rows: list[Real]
    cols: list[Real]
    plan: Real

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

    def jvp(self, change: Real) -> Real:
        """dP_K for a change of the cost, both (n, m)."""
        change = change.astype(self.plan.dtype, copy=False)
        g = np.zeros(change.shape[1], dtype=change.dtype)
        for first, second in zip(self.rows, self.cols, strict=False):
            f = _dot(first, change, 1) - first @ g
            g = _dot(second, change, 0) - second.T @ f
        f = _dot(self.rows[-1], change, 1) - self.rows[-1] @ g
        return np.asarray(self.plan * (f[:, None] + g - change) / change.dtype.type(self.eps))

    def vjp(self, cotangent: Real) -> Real:
        """The gradient of <cotangent, P_K> in the cost, both (n, m), by reverse accumulation."""
        weighted = cotangent * self.plan / self.plan.dtype.type(self.eps)
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


@dataclass(frozen=True)
class SweepSpectrum:
    """J_K on g modulo constants: its norm, spectral radius and smallest singular value.

    The singular values are those in the chosen norm; the smallest is nan where rounding hides it.
    """

    norm: float
    radius: float
    smallest: float


def unroll(
    problem: Problem, eps: float, iters: int, dtype: type[np.floating[Any]] = np.float64
) -> Layer | None:
    """Run K sweeps from g = 0 in the log domain, keeping every half-sweep's softmax.

    f_i = eps (log r_i - LSE_j((g_j - C_ij)/eps)), g_j likewise, f last; all in ``dtype``, as a
    layer in that precision would. None when (2K + 1) n m exceeds `UNROLL_LIMIT`.
    """
    if (2 * iters + 1) * problem.cost.size > UNROLL_LIMIT:
        return None
    cost = problem.cost.astype(dtype)
    log_row, log_col = np.log(problem.row).astype(dtype), np.log(problem.col).astype(dtype)
    heat = dtype(eps)
    g = np.zeros(cost.shape[1], dtype=dtype)
    rows, cols = [], []
    for step in range(iters + 1):
        total, share = _softmax((g - cost) / heat, axis=1)
        f = heat * (log_row - total)
        rows.append(share)
        if step < iters:
            total, share = _softmax((f[:, None] - cost) / heat, axis=0)
            g = heat * (log_col - total)
            cols.append(share)
    plan = np.exp((f[:, None] + g - cost) / heat)
    return Layer(eps, rows, cols, plan)


def sweep_spectrum(layer: Layer, basis: EigenBasis, metric: MetricFactor | None) -> SweepSpectrum:
    """Norm, spectral radius and smallest singular value of J_K in the norm of ``metric``.

    ``metric`` is a Gram factor on the basis's vectors (None: ``natural``). In the plan norm that is
    the metric at the layer's own output P_K, see `layer_metric`: the fixed point's would measure
    moves that K sweeps have not yet learnt to suppress, and gives numbers like 1e40.
    """
    image = layer.sweep_product(basis.vectors)
    matrix = basis.vectors.T @ (basis.col[:, None] * image)
    radius = _spectral_radius(matrix)
    if metric is not None:
        if not metric.resolved:
            return SweepSpectrum(np.nan, radius, np.nan)
        graded = metric.scale[:, None] * matrix / metric.scale
        matrix = metric.factor @ graded @ np.linalg.inv(metric.factor)
    sigma = singular_values(matrix)
    floor = len(matrix) * layer.iters * np.finfo(float).eps * float(sigma[0])
    return SweepSpectrum(float(sigma[0]), radius, float(sigma[-1]) if sigma[-1] > floor else np.nan)


def layer_metric(layer: Layer, basis: EigenBasis, norm: Norm) -> MetricFactor | None:
    """The Gram factor in which J_K is measured: for ``plan`` the plan metric at P_K."""
    if norm != "plan":
        return metric_of(basis, norm)
    return plan_metric(layer.plan, basis.row, basis.vectors)


def layer_gain(layer: Layer, seed: int = 0) -> float:
    """‖dP_K/dC‖ in Frobenius norms, a lower estimate: Lanczos on its square.

    Below 0.5 % once the residual is small; large layers get at least 4 steps and may stay lower.
    """
    shape, stored = layer.plan.shape, (2 * layer.iters + 1) * layer.plan.size
    return _largest_singular_value(
        lambda x: layer.vjp(layer.jvp(x.reshape(shape))).ravel(),
        layer.plan.size,
        seed,
        max(4, min(_GAIN_STEPS, _GAIN_READS // stored)),
    )


def fixed_point_gain(basis: EigenBasis, eps: float, seed: int = 0) -> float:
    """‖dP*/dC‖ at the fixed point, the same kind of estimate, from the modes.

    dP = P∘(a⊕b - X)/eps with b = L^+(x_c - P'D_r^{-1}x_r), a = D_r^{-1}(x_r - Pb), x the marginals
    of P∘X. nan where that difference cancels.
    """
    plan, row, col, x = basis.plan, basis.row, basis.col, basis.vectors
    shape = plan.shape

    def derivative(change: FloatArray) -> FloatArray:
        moved = plan * change.reshape(shape)
        out = moved.sum(axis=1)
        flux = moved.sum(axis=0) - plan.T @ (out / row)
        b = x @ ((x.T @ flux) / basis.gaps)
        a = (out - plan @ b) / row
        return np.asarray((plan * (a[:, None] + b) - moved).ravel() / eps)

    gain = _largest_singular_value(
        lambda v: derivative(derivative(v)), plan.size, seed, _GAIN_STEPS
    )
    noise = 1e-12 * float(plan.max()) / eps / min(1.0, float(basis.gaps[0]))
    del col
    return gain if gain > noise else float("nan")


def precision_loss(problem: Problem, layer: Layer, seed: int = 0) -> float:
    """Relative error of the float32 layer's gradient, ‖v32 - v64‖_F/‖v64‖_F, nan or inf as it is.

    v is the gradient in the cost of <W, P_K> for one Gaussian W, both layers with K sweeps.
    """
    narrow = unroll(problem, layer.eps, layer.iters, np.float32)
    if narrow is None:
        return float("nan")
    cotangent = np.random.default_rng(seed).standard_normal(layer.plan.shape)
    exact = layer.vjp(cotangent)
    size = float(np.linalg.norm(exact))
    with np.errstate(all="ignore"):
        rough = narrow.vjp(cotangent.astype(np.float32)).astype(np.float64)
        error = float(np.linalg.norm(rough - exact))
    if not np.isfinite(error):
        return float("inf")
    return error / size if size > 0 else float("nan")


def _softmax(exponent: Real, axis: int) -> tuple[Real, Real]:
    """LSE along an axis, and the softmax."""
    top = exponent.max(axis=axis, keepdims=True)
    share = np.exp(exponent - top)
    total = share.sum(axis=axis, keepdims=True)
    return (np.log(total) + top).squeeze(axis), share / total


def _dot(share: Real, change: Real, axis: int) -> Real:
    return np.asarray(np.einsum("ij,ij->i" if axis == 1 else "ij,ij->j", share, change))


def _spectral_radius(matrix: FloatArray) -> float:
    if len(matrix) <= _DENSE:
        return min(1.0, float(np.abs(np.linalg.eigvals(matrix)).max()))
    start = np.ones(len(matrix)) + 0.5 * np.cos(np.arange(len(matrix)))
    try:
        top = np.asarray(
            scipy.sparse.linalg.eigs(matrix, k=1, v0=start, tol=1e-10, return_eigenvectors=False)
        )
    except scipy.sparse.linalg.ArpackNoConvergence:
        top = np.asarray(np.linalg.eigvals(matrix))
    # A product of averages cannot exceed 1 but by rounding.
    return min(1.0, float(np.abs(top).max()))


def _largest_singular_value(square: Any, size: int, seed: int, steps: int) -> float:
    """Square root of the largest eigenvalue of a symmetric positive operator on R^size."""
    start = np.random.default_rng(seed).standard_normal(size)
    top = largest_eigenvalue(
        square, start, tol=_GAIN_TOL, max_steps=steps, check_every=1, reorthogonalise=True
    )
    return float(np.sqrt(top.value))
