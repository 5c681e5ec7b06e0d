"""Norms of powers ‖T^k‖ beside what the pseudospectra say of them.

For r > 1, N = max over |z| = r of ‖(z-T)^{-1}‖ and T^k bounded by M for k <= K, the expansion
(z-T)^{-1} = sum_{k<K} z^{-k-1} T^k + z^{-K} T^K (z-T)^{-1} gives
N <= M (1-r^{-K})/(r-1) + M r^{-K} N, hence (Trefethen & Embree, *Spectra and
Pseudospectra*, 2005, chapter 16)

    max_{k<=K} ‖T^k‖ >= r^K / (1 + (r^K - 1)/((r-1) N)).

Cauchy's integral over |z| = rho_level, where N = 1/level, gives ‖T^k‖ <= rho_level^{k+1}/level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sinkdiag.numerics.norms import operator_norm
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.radius import Radius
from sinkdiag.resolvent.triangular import Matrix, Triangular


@dataclass(frozen=True)
class Power:
    """‖T^k‖ between its bounds, and what the levels say of the powers up to k.

    ``lower`` is rho^k; ``upper`` the least of rho_level^{k+1}/level, kappa(V) rho^k and
    e min(n, k+1) K. ``peak_lower`` bounds max_{0<=j<=k} ‖T^j‖ (which is at least 1, by j = 0) from
    below: the largest bound over the levels, each of which is in ``peak_lower_at``.
    """

    k: int
    norm: float
    lower: float
    upper: float
    peak_lower: float
    peak_lower_at: tuple[float, ...] = field(default=(), repr=False)


def automatic_powers(matrix: Triangular, most: int = 10_000) -> tuple[int, ...]:
    """0 to 8, then by a factor of about 1.5 until the slowest mode has lost six digits."""
    size = float(np.abs(matrix.eigenvalues).max()) if matrix.size else 0.0
    last = 12.0
    if 0.0 < size < 1.0:
        last = min(max(-6.0 * math.log(10.0) / math.log(size), 12.0), float(most))
    elif size >= 1.0:
        last = 100.0
    ks = list(range(9))
    while ks[-1] < last:
        ks.append(math.ceil(1.5 * ks[-1]))
    return tuple(ks)


def power_norms(
    matrix: Triangular,
    ks: Sequence[int],
    radii: Sequence[Radius],
    kreiss: Kreiss,
    kappa: float,
) -> tuple[Power, ...]:
    """‖T^k‖ for each k with its bounds.

    Every level's radius gives a lower and an upper bound; ``kappa`` is the condition number of the
    eigenvectors, inf if there is no full set of them.
    """
    rho = float(np.abs(matrix.eigenvalues).max()) if matrix.size else 0.0
    rows = []
    for k, norm in zip(ks, _norms(matrix, ks), strict=True):
        peak_at = tuple(_peak_lower(radius, k) for radius in radii)
        caps = [
            _exp((k + 1) * math.log(r.upper) - math.log(r.level))
            for r in radii
            if 0.0 < r.upper < math.inf
        ]
        caps += [math.e * min(max(matrix.size, 1), k + 1) * kreiss.upper]
        caps += [kappa * _power(rho, k)] if math.isfinite(kappa) else []
        caps += [1.0] if k == 0 else []
        peak = max(1.0, *peak_at) if peak_at else 1.0
        rows.append(Power(k, norm, _power(rho, k), min(caps), peak, peak_at))
    return tuple(rows)


def _peak_lower(radius: Radius, k: int) -> float:
    """The lower bound of max_{j<=k} ‖T^j‖ from one level; 0 when its pseudospectrum is inside."""
    r = radius.lower
    if not r > 1.0:
        return 0.0
    constant = (r - 1.0) / radius.level
    decay = math.exp(-k * math.log(r))
    return 1.0 / (decay + (1.0 - decay) / constant)


def _power(base: float, k: int) -> float:
    return _exp(k * math.log(base)) if base > 0.0 else float(k == 0)


def _exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700.0 else math.inf


def _norms(matrix: Triangular, ks: Sequence[int]) -> list[float]:
    """2-norms of T^k, from products of the squares T, T², T⁴, ..."""
    if matrix.size == 0:
        return [0.0] * len(ks)
    squares = [matrix.dense]
    norms = []
    for k in ks:
        product: Matrix | None = None
        for bit in range(k.bit_length()):
            if bit == len(squares):
                squares.append(squares[-1] @ squares[-1])
            if k >> bit & 1:
                product = squares[bit] if product is None else product @ squares[bit]
        norms.append(1.0 if product is None else _norm(product))
    return norms


def _norm(product: Matrix) -> float:
    """Its 2-norm, inf where a power has overflowed."""
    return operator_norm(product) if np.all(np.isfinite(product)) else math.inf
