"""The Jacobian of K sweeps, in a norm at its own plan.

The layer itself, its sweeps and their derivatives, is `sinkdiag.solver.layer`; the norms of dP/dC
are in `sinkdiag.jacobian.gains`.
"""

from __future__ import annotations

import math
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
# Disturbance that stands for rounding, and how well two results must agree under it.
_SHAKE, AGREEMENT = 16 * _UNIT, 1e-7
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
    found = _coordinates(layer.plan, row, col, norm)
    if found.resolved:
        matrix = found.dual.T @ layer.sweep_product(found.potentials)
    else:
        matrix = np.full((len(col) - 1,) * 2, np.nan)
    return SweepJacobian(
        matrix=matrix,
        potentials=found.potentials,
        condition=found.condition,
        resolved=found.resolved,
    )


def sweep_spectrum(layer: Layer, row: FloatArray, col: FloatArray, norm: Norm) -> SweepSpectrum:
    """Norm, spectral radius and smallest singular value of J_K in a norm, see `sweep_jacobian`.

    The radius is found in natural coordinates. Each number is computed a second time with every
    product disturbed by 16 rounding units, and is nan unless both agree to 1e-7.
    """
    natural = _coordinates(layer.plan, row, col, "natural")
    found = natural if norm == "natural" else _coordinates(layer.plan, row, col, norm)
    if len(col) == 1:
        return SweepSpectrum(norm=np.nan, radius=np.nan, smallest=np.nan)
    radius = _agreed(*(np.array([_spectral_radius(m)]) for m in _twice(layer, natural)))[0]
    if not found.resolved:
        return SweepSpectrum(norm=np.nan, radius=float(radius), smallest=np.nan)
    sigma = _agreed(*(singular_values(m)[[0, -1]] for m in _twice(layer, found)))
    return SweepSpectrum(norm=float(sigma[0]), radius=float(radius), smallest=float(sigma[1]))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Coordinates:
    """Potentials (m, k) orthonormal for a norm, their dual (m, k), and how far to trust them."""

    potentials: FloatArray
    dual: FloatArray
    condition: float

    @property
    def resolved(self) -> bool:
        # No square of the condition, which may overflow; nan is not resolved.
        return bool(self.condition <= math.sqrt(RESOLVED / _UNIT))


def _coordinates(plan: FloatArray, row: FloatArray, col: FloatArray, norm: Norm) -> _Coordinates:
    if norm == "plan":
        return _plan_coordinates(plan, row)
    root = np.sqrt(col) if norm == "natural" else np.ones(len(col))
    complement = np.linalg.qr(root[:, None], mode="complete")[0][:, 1:]
    condition = float(np.sqrt(col.max() / col.min())) if norm == "potential" else 1.0
    return _Coordinates(
        potentials=complement / root[:, None], dual=complement * root[:, None], condition=condition
    )


def _twice(layer: Layer, coordinates: _Coordinates) -> tuple[FloatArray, FloatArray]:
    """J_K in coordinates, and again disturbed."""
    rng = np.random.default_rng(0)
    plain = vectors = coordinates.potentials

    def shaken(values: FloatArray) -> FloatArray:
        return np.asarray(values * (1.0 + _SHAKE * rng.standard_normal(values.shape)))

    for first, second in zip(layer.rows, layer.cols, strict=False):
        vectors = second.T @ shaken(first @ shaken(vectors))
        vectors = vectors - vectors.mean(axis=0)
    dual = coordinates.dual.T
    return dual @ layer.sweep_product(plain), dual @ shaken(vectors)


def _agreed(values: FloatArray, others: FloatArray) -> FloatArray:
    return np.where(np.abs(values - others) <= AGREEMENT * values, values, np.nan)


def _plan_coordinates(plan: FloatArray, row: FloatArray) -> _Coordinates:
    col = plan.sum(axis=0)
    blank = np.full((len(col), len(col) - 1), np.nan)
    unknown = _Coordinates(potentials=blank, dual=blank, condition=np.nan)
    if not np.all(col > 0):
        return unknown
    basis = eigenbasis(plan, row, col)
    metric = basis.plan_metric
    if basis.status.failed or not metric.resolved or not len(basis.gaps):
        return unknown
    factor = metric.factor * metric.scale
    sigma = singular_values(factor)
    if not sigma[-1] > 0:
        return unknown
    return _Coordinates(
        potentials=basis.vectors @ np.linalg.inv(factor),
        dual=(col[:, None] * basis.vectors) @ factor.T,
        condition=float(sigma[0] / sigma[-1]),
    )


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
