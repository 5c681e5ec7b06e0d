"""The Jacobian of K sweeps beside that of the fixed point: spectrum, gains, loss of precision.

The layer itself, its sweeps and their derivatives, is `sinkdiag.solver.layer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.metric import MetricFactor, plan_metric
from sinkdiag.jacobian.modes import Norm, metric_of
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.numerics.norms import singular_values
from sinkdiag.problem import Problem
from sinkdiag.solver.layer import Layer, unroll

# Lanczos on a derivative: residual relative to its square, steps, and the entries of stored sweeps
# that all steps together may read.
_GAIN_TOL, _GAIN_STEPS, _GAIN_READS = 1e-2, 24, 200_000_000
_DENSE = 200


@dataclass(frozen=True, kw_only=True)
class SweepSpectrum:
    """J_K on g modulo constants: its norm, spectral radius and smallest singular value.

    The singular values are those in the chosen norm; the smallest is nan where rounding hides it.
    """

    norm: float
    radius: float
    smallest: float


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
            return SweepSpectrum(norm=np.nan, radius=radius, smallest=np.nan)
        graded = metric.scale[:, None] * matrix / metric.scale
        matrix = metric.factor @ graded @ np.linalg.inv(metric.factor)
    sigma = singular_values(matrix)
    floor = len(matrix) * layer.iters * np.finfo(float).eps * float(sigma[0])
    smallest = float(sigma[-1]) if sigma[-1] > floor else np.nan
    return SweepSpectrum(norm=float(sigma[0]), radius=radius, smallest=smallest)


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
    with np.errstate(all="ignore"):
        narrow = unroll(problem, layer.eps, layer.iters, dtype=np.float32)
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


def _largest_singular_value(
    square: Callable[[FloatArray], FloatArray], size: int, seed: int, steps: int
) -> float:
    """Square root of the largest eigenvalue of a symmetric positive operator on R^size."""
    start = np.random.default_rng(seed).standard_normal(size)
    top = largest_eigenvalue(
        square, start, tol=_GAIN_TOL, max_steps=steps, check_every=1, reorthogonalise=True
    )
    return float(np.sqrt(top.value))
