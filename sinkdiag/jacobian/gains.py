"""‖dP/dC‖: how far the plan moves with the cost, after K sweeps and at the fixed point.

Both are found by Lanczos, from below, to 1e-6 where the budget of steps allows it (matrices of up
to some hundred rows and columns), else to what a few steps give. A gain below 1e6 rounding units
of what cancels in it is nan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.metric import WHOLE_LIMIT, mode_entries
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.solver.layer import Layer

_UNIT = float(np.finfo(float).eps)
# Residual of the square, relative; steps, and the entries of stored sweeps that they may read.
_TOL, _STEPS, _LEAST_STEPS, _READS = 1e-7, 200, 4, 200_000_000
# Digits that a printed number has.
_DIGITS = 1e-6


def layer_gain(layer: Layer, seed: int = 0, *, tol: float = _TOL) -> float:
    """‖dP_K/dC‖ in Frobenius norms, a lower estimate: Lanczos on its square.

    ``tol`` is the relative residual of that square at which it ends; the start is held fixed.
    nan below 1e6 (2K + 1) u max P_K / eps, where rounding decides.
    """
    shape, stored = layer.plan.shape, (2 * layer.iters + 1) * layer.plan.size
    floor = (2 * layer.iters + 1) * _UNIT / _DIGITS * float(layer.plan.max())

    def square(x: FloatArray) -> FloatArray:
        # eps is taken out before anything is squared: costs may be as small as 1e-120.
        moved = layer.jvp(x.reshape(shape)) * layer.eps
        return (layer.vjp(moved) * layer.eps).ravel()

    steps = max(_LEAST_STEPS, min(_STEPS, _READS // stored))
    top = _largest(square, layer.plan.size, floor**2, seed, steps=steps, tol=tol)
    return top**0.5 / layer.eps


def fixed_point_gain(basis: EigenBasis, eps: float, seed: int = 0) -> float:
    """‖dP*/dC‖ at the fixed point, the same kind of estimate, from all modes.

    dP = -D(I - Π)D X/eps with D the multiplication by P^{1/2} and Π the orthogonal projection on
    P^{1/2}∘(a⊕b): symmetric. With the modes' entries P_ij(x_j + a_i), which have relative accuracy,
    Π is as good as orthonormal vectors are; a plan too large for them projects through the
    marginals, which a gap makes worse by 1/sqrt(gap). nan below 1e6 such roundings.
    """
    plan, row, gaps = basis.plan, basis.row, basis.gaps
    root, half = np.sqrt(plan), np.sqrt(gaps)
    small = plan.size * len(gaps) <= WHOLE_LIMIT
    floor = sum(plan.shape) * _UNIT / _DIGITS * float(plan.max())
    if small:
        entries = mode_entries(plan, row, gaps * basis.col[:, None] * basis.vectors)
        weight = root.ravel()[:, None] * half
        columns = np.divide(entries, weight, out=np.zeros_like(entries), where=weight > 0)
    else:
        floor /= float(half[0])

    def derivative(change: FloatArray) -> FloatArray:
        inner = root * change.reshape(plan.shape)
        inner = inner - root * ((root * inner).sum(axis=1) / row)[:, None]
        if small:
            inner = inner.ravel()
            return np.asarray(root.ravel() * (inner - columns @ (columns.T @ inner)))
        b = basis.vectors @ ((basis.vectors.T @ (root * inner).sum(axis=0)) / gaps)
        return np.asarray((root * (inner - root * (b - ((plan @ b) / row)[:, None]))).ravel())

    return _largest(derivative, plan.size, floor, seed, steps=_STEPS) / eps


def _largest(
    apply: Callable[[FloatArray], FloatArray],
    size: int,
    floor: float,
    seed: int,
    *,
    steps: int,
    tol: float = _TOL,
) -> float:
    """The largest eigenvalue of a symmetric positive operator on R^size; nan below the floor."""
    start = np.random.default_rng(seed).standard_normal(size)
    # In a random direction an operator shows at least a small share of its size.
    first = float(np.abs(apply(start)).max())
    if not first > floor * _DIGITS:
        return float("nan")
    top = largest_eigenvalue(apply, start, tol=tol, max_steps=steps, reorthogonalise=True)
    return top.value if top.value > floor else float("nan")
