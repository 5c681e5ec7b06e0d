"""The modes of the Jacobian in a norm: one real factor from which every diagnostic comes.

With E the eigenvectors scaled to unit length and E'GE = R'R, in the operator norm of the metric G

    ‖J^k‖ = ‖R Λ^k R^{-1}‖    ‖(z-J)^{-1}‖ = ‖R (z-Λ)^{-1} R^{-1}‖    κ(V) = cond(R)

Trefethen & Embree, *Spectra and Pseudospectra* (2005), chapters 4, 16 and 52.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.basis import HALF, EigenBasis, eigenbasis
from sinkdiag.jacobian.metric import MetricFactor, triangular
from sinkdiag.numerics.norms import operator_norm, singular_values
from sinkdiag.results import Status

Norm = Literal["plan", "potential", "natural"]

# Gaps that agree to this relative accuracy are one eigenvalue; near 0 it is 1e-13 of λ itself.
CLUSTER_TOL = 1e-13
# Relative accuracy of what is shown.
SHOWN = 1e-6
# The search for the largest power: relative accuracy, refinements, modes from which there is one.
PEAK_TOL, _PEAK_ROUNDS, _MANY_MODES = 1e-9, 6, 200
# Up to this kappa(V) no norm differs from what the eigenvalues say by more than 10 %.
NEARLY_NORMAL = 1.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Modes:
    """Eigenvalues of J on g modulo constants, and the Gram factor of its eigenvectors in a norm.

    Attributes
    ----------
    norm:
        ``plan``: ‖P∘(a⊕b)‖_F, a = -diag(1/r)Pb. ``potential``: Euclidean, mean-free.
        ``natural``: weighted by c; there J is self-adjoint.
    eigenvalues, gaps:
        λ descending and 1 - λ, shapes (k,); k = m - 1. Each gap is accurate relative to itself.
    factor:
        R (k, k), upper triangular, real: E'GE = R'R. nan where the norm is not resolved.
    vectors:
        E (m, k), potentials g of unit norm, mean-free. Equal eigenvalues (gaps within 1e-13
        relative) have orthonormal vectors.
    status:
        ``converged``, ``frozen`` (smallest gap below 1e-14) or ``below_resolution``.
    """

    norm: Norm
    eigenvalues: FloatArray
    gaps: FloatArray
    factor: FloatArray
    vectors: FloatArray
    status: Status

    @property
    def resolved(self) -> bool:
        """Whether the factor holds numbers."""
        return bool(np.all(np.isfinite(self.factor)))

    @cached_property
    def inverse_factor(self) -> FloatArray:
        """R^{-1} (k, k), upper triangular."""
        if not len(self.gaps):
            return np.empty((0, 0))
        if not self.resolved:
            return self.factor
        return np.asarray(np.triu(np.linalg.inv(self.factor)))

    def condition(self) -> float:
        """κ(V) = cond(R): how far from orthogonal the eigenvectors are in this norm."""
        if self.norm == "natural" or not len(self.gaps):
            return 1.0
        if not self.resolved:
            return math.nan
        sigma = singular_values(self.factor)
        return float(sigma[0] / sigma[-1])

    def eigenvalue_conditions(self) -> FloatArray:
        """sqrt(diag(Gram^{-1})) (k,): the first-order sensitivity of each eigenvalue."""
        return np.asarray(np.linalg.norm(self.inverse_factor, axis=1))

    def power_norm(self, k: float) -> float:
        """‖J^k‖ in this norm."""
        return self._function_norm(np.exp(k * self._log_eigenvalues()))

    def smallest_power(self, k: float) -> float:
        """The smallest singular value of J^k in this norm; nan where rounding hides its digits.

        The smallest eigenvalue comes from a singular value σ that is right to about 8 k u, so its
        power to 8 k u/σ each factor; the triangular factor adds u κ(V) of the largest power.
        """
        count = len(self.gaps)
        if not count or not self.resolved:
            return math.nan
        lowest, unit = float(self.eigenvalues[-1]), float(np.finfo(float).eps)
        if not 8.0 * (count + 1) * k * unit <= SHOWN * math.sqrt(max(lowest, 0.0)):
            return math.nan
        values = np.exp(k * self._log_eigenvalues())
        if self.norm == "natural":
            return float(values[-1])
        sigma = singular_values((self.factor * values) @ self.inverse_factor)
        floor = count * unit * self.condition() * float(sigma[0])
        return float(sigma[-1]) if floor <= SHOWN * sigma[-1] else math.nan

    def resolvent_norm(self, z: complex = 1.0) -> float:
        """‖(z - J)^{-1}‖ in this norm; inf on the spectrum. At z = 1 from the gaps themselves."""
        with np.errstate(divide="ignore"):
            return self._function_norm(1.0 / self.shifts(z))

    def shifts(self, z: complex) -> FloatArray:
        """The differences z - λ_k (k,), complex unless z is real, accurate next to 1 and to 0."""
        offset = np.asarray(z)
        if offset.imag == 0:
            offset = offset.real
        return np.where(self.gaps < HALF, (offset - 1.0) + self.gaps, offset - self.eigenvalues)

    def departure(self) -> float:
        """Henrici's departure from normality, sqrt(‖M‖_F² - Σλ²) for M = RΛR^{-1}.

        M is triangular with the eigenvalues on its diagonal, so this is the size of its strict
        upper part; there M may be replaced by -R(I-Λ)R^{-1}, which keeps small gaps. 0 where
        it does not stand out of rounding.
        """
        if self.norm == "natural" or not len(self.gaps):
            return 0.0
        use_gaps = np.median(self.gaps) < HALF
        weight = self.gaps if use_gaps else self.eigenvalues
        upper = np.triu((self.factor * weight) @ self.inverse_factor, 1)
        size = float(np.linalg.norm(upper))
        noise = 8 * len(weight) * float(np.finfo(float).eps * weight.max())
        return size if not size < noise else 0.0

    def transient_peak(self) -> float:
        """The largest ‖J^k‖ over k >= 1: k = 1, 2, 3, 4, 6, 8, 12, ..., then closer round the best.

        The search ends where κ(V)·ρ^k has fallen below the largest value seen, so no later k can
        exceed it; round the best of those tried it closes in until the value stands still, or once
        where there are many modes.
        """
        if not len(self.gaps) or self.norm == "natural":
            return float(self.eigenvalues[0]) if len(self.gaps) else 0.0
        if not self.resolved or np.any(np.isnan(self.gaps)):
            return math.nan
        bound, decay = self.condition(), float(self._log_eigenvalues()[0])
        tried: dict[float, float] = {}
        octave = 1.0
        while not tried or bound * math.exp(octave * decay) > max(tried.values()):
            for k in {octave, max(1.0, 1.5 * octave // 1)}:
                tried[k] = self.power_norm(k)
            octave *= 2
        return self._closest_peak(tried)

    def _closest_peak(self, tried: dict[float, float]) -> float:
        """The largest of ‖J^k‖ round the best k of those tried, whole numbers all."""
        low, high = 1.0 / 1.5, 1.5
        for _ in range(_PEAK_ROUNDS if len(self.gaps) <= _MANY_MODES else 1):
            at = max(tried, key=tried.__getitem__)
            best = tried[at]
            grid = np.unique(np.round(np.linspace(max(1.0, at * low), at * high, 9))).tolist()
            for k in grid:
                if k not in tried:
                    tried[k] = self.power_norm(k)
            if max(tried.values()) - best <= PEAK_TOL * best and len(grid) < 9:
                break
            low, high = low**0.25, high**0.25
        return max(tried.values())

    def _log_eigenvalues(self) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.where(self.gaps < HALF, np.log1p(-self.gaps), np.log(self.eigenvalues))

    def _function_norm(self, values: FloatArray) -> float:
        if not len(values):
            return 0.0
        if np.any(np.isnan(values)):
            return math.nan
        if self.norm == "natural":
            return float(np.abs(values).max())
        if not self.resolved:
            return math.nan
        if not np.all(np.isfinite(values)):
            return math.inf
        return operator_norm((self.factor * values) @ self.inverse_factor)


def modes(plan: FloatArray, row: FloatArray, col: FloatArray, norm: Norm) -> Modes:
    """The modes of the sweep's Jacobian at a plan (n, m) with marginals row (n,) and col (m,).

    Dense: time O((n + m) m²), a few copies of the plan and of J. For the leading modes alone of a
    plan too large for that see `sinkdiag.jacobian.leading`.
    """
    return modes_in(eigenbasis(plan, row, col), norm)


def metric_of(basis: EigenBasis, norm: Norm) -> MetricFactor | None:
    """The Gram factor of a basis in a norm; None for ``natural``, where it is the identity."""
    if norm == "natural":
        return None
    return basis.plan_metric if norm == "plan" else basis.potential_metric


def modes_in(basis: EigenBasis, norm: Norm) -> Modes:
    """The modes of a decomposed Jacobian in a norm; norms share the decomposition."""
    vectors = basis.vectors - basis.vectors.mean(axis=0)
    factor, status = np.eye(len(basis.gaps)), basis.status
    metric = metric_of(basis, norm)
    if metric is not None and len(basis.gaps) and not metric.resolved:
        factor, status = metric.factor, Status.BELOW_RESOLUTION
        vectors = vectors / metric.scale
    elif metric is not None:
        factor, vectors = _separate(metric, vectors, clusters(basis.gaps))
    return Modes(
        norm=norm,
        eigenvalues=basis.eigenvalues,
        gaps=basis.gaps,
        factor=factor,
        vectors=vectors,
        status=status,
    )


def clusters(gaps: FloatArray) -> list[slice]:
    """Runs of ascending gaps whose neighbours agree to 1e-13 relative: one eigenvalue each."""
    if not len(gaps):
        return []
    far = np.flatnonzero(np.diff(gaps) > CLUSTER_TOL * gaps[1:]) + 1
    return [slice(a, b) for a, b in pairwise([0, *far.tolist(), len(gaps)])]


def _separate(
    metric: MetricFactor, vectors: FloatArray, groups: list[slice]
) -> tuple[FloatArray, FloatArray]:
    """R and E with orthonormal vectors inside every cluster."""
    factor, scaled = metric.factor, vectors / metric.scale
    several = [group for group in groups if group.stop - group.start > 1]
    if not several:
        return factor, scaled
    factor = factor.copy()
    for group in several:
        orthonormal, inner = np.linalg.qr(factor[:, group])
        factor[:, group] = orthonormal
        scaled[:, group] = scipy.linalg.solve_triangular(inner.T, scaled[:, group].T, lower=True).T
    return triangular(factor), scaled
