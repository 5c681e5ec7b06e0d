"""The Jacobian of K sweeps, in a norm at its own plan.

The layer itself, its sweeps and their derivatives, is `sinkdiag.solver.layer`; the norms of dP/dC
are in `sinkdiag.jacobian.gains`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.modes import Norm
from sinkdiag.numerics.norms import singular_values
from sinkdiag.solver.layer import Layer

_UNIT = float(np.finfo(float).eps)
# Where u·cond² of the norm's factor exceeds this, rounding decides what J_K looks like in it.
RESOLVED = 1e-6
# Digits that a printed number has.
_DIGITS = 1e-6
_DENSE = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepJacobian:
    """J_K on g modulo constants in coordinates that are orthonormal for a norm.

    Attributes
    ----------
    matrix:
        J_K (k, k), k = m - 1: its 2-norm, singular values and pseudospectra are those in the norm.
        nan where not ``resolved``.
    potentials:
        B (m, k): the potentials g that the coordinates stand for; J_K B = B matrix modulo
        constants.
    condition:
        Condition number of the map between these coordinates and those orthonormal for the column
        marginal; 1 in ``natural``.
    resolved:
        Whether u·condition² is at most 1e-6: then rounding, u·condition, stays below what is shown.
    """

    matrix: FloatArray
    potentials: FloatArray
    condition: float
    resolved: bool


@dataclass(frozen=True, kw_only=True)
class SweepSpectrum:
    """J_K on g modulo constants: its norm, spectral radius and smallest singular value.

    The singular values are those in the chosen norm; each number is nan where rounding hides it.
    """

    norm: float
    radius: float
    smallest: float


def sweep_jacobian(layer: Layer, row: FloatArray, col: FloatArray, norm: Norm) -> SweepJacobian:
    """J_K in coordinates orthonormal for ``norm`` at the layer's own plan P_K.

    ``plan``: ‖P_K∘(a⊕b)‖_F with a = -diag(1/r)P_K b, by the modes of the sweep at P_K, whose norms
    are relatively accurate. The fixed point's metric would measure moves that K sweeps have not
    yet learnt to suppress. ``potential``: Euclidean, mean-free. ``natural``: weighted by the column
    marginal ``col`` (m,); ``row`` (n,) is the other one.
    """
    root = np.sqrt(col)
    if norm == "natural":
        potentials = _complement(root) / root[:, None]
        dual, condition = potentials * col[:, None], 1.0
    elif norm == "potential":
        potentials = dual = _complement(np.ones(len(col)))
        condition = float(root.max() / root.min())
    else:
        potentials, dual, condition = _plan_coordinates(layer.plan, row)
    # Negated, so that nan counts as unresolved.
    if not _UNIT * condition**2 <= RESOLVED:
        matrix = np.full((len(col) - 1,) * 2, np.nan)
        return SweepJacobian(
            matrix=matrix, potentials=potentials, condition=condition, resolved=False
        )
    matrix = dual.T @ layer.sweep_product(potentials)
    return SweepJacobian(matrix=matrix, potentials=potentials, condition=condition, resolved=True)


def sweep_spectrum(layer: Layer, row: FloatArray, col: FloatArray, norm: Norm) -> SweepSpectrum:
    """Norm, spectral radius and smallest singular value of J_K in a norm, see `sweep_jacobian`.

    The radius is found in natural coordinates. What a sweep leaves of a vector is known to a
    rounding unit of the vector: numbers below 1e6 units of what K sweeps may lose so are nan.
    """
    natural = sweep_jacobian(layer, row, col, "natural")
    found = natural if norm == "natural" else sweep_jacobian(layer, row, col, norm)
    if not len(natural.matrix):
        return SweepSpectrum(norm=np.nan, radius=np.nan, smallest=np.nan)
    skew = float(np.sqrt(col.max() / col.min()))
    noise = layer.iters * sum(layer.plan.shape) * skew * _UNIT
    radius = _spectral_radius(natural.matrix)
    if not found.resolved:
        return SweepSpectrum(norm=np.nan, radius=_above(radius, noise, layer), smallest=np.nan)
    sigma = singular_values(found.matrix)
    top, bottom = float(sigma[0]), float(sigma[-1])
    hidden = noise * found.condition * top >= _DIGITS * bottom
    return SweepSpectrum(
        norm=_above(top, noise * found.condition, layer),
        radius=_above(radius, noise, layer),
        smallest=np.nan if hidden else bottom,
    )


def _above(value: float, noise: float, layer: Layer) -> float:
    """The value, or nan where ``noise`` of every sweep is more than 1e-6 of what it leaves."""
    return value if noise <= _DIGITS * value ** (1.0 / layer.iters) else np.nan


def _plan_coordinates(plan: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Potentials B (m, k) orthonormal for the plan metric at a plan, B's dual, the condition."""
    col = plan.sum(axis=0)
    unknown = np.full((len(col), len(col) - 1), np.nan)
    if not np.all(col > 0):
        return unknown, unknown, np.nan
    basis = eigenbasis(plan, row, col)
    metric = basis.plan_metric
    if basis.status.failed or not metric.resolved or not len(basis.gaps):
        return unknown, unknown, np.nan
    factor = metric.factor * metric.scale
    sigma = singular_values(factor)
    if not sigma[-1] > 0:
        return unknown, unknown, np.nan
    potentials = basis.vectors @ np.linalg.inv(factor)
    dual = (col[:, None] * basis.vectors) @ factor.T
    return potentials, dual, float(sigma[0] / sigma[-1])


def _complement(direction: FloatArray) -> FloatArray:
    """An orthonormal basis (m, m - 1) of what is orthogonal to a vector."""
    return np.asarray(np.linalg.qr(direction[:, None], mode="complete")[0][:, 1:])


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
