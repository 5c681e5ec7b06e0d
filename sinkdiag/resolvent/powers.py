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
from typing import Literal

import numpy as np

from sinkdiag.numerics.norms import operator_norm
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.radius import Radius
from sinkdiag.resolvent.triangular import Matrix, Triangular

# Powers that are looked at one by one: at most this many operations, at least this many powers.
_FLOPS = 2e9
_FEWEST = 32
_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class Peak:
    """max over k >= 1 of ‖T^k‖, the power that attains it, and whether no other can be larger."""

    norm: float
    k: int
    bound: Literal["exact", "lower"]


def automatic_powers(matrix: Triangular, most: int = _MOST) -> tuple[int, ...]:
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
        rows.append(
            Power(
                k=k,
                norm=norm,
                lower=_power(rho, k),
                upper=min(caps),
                peak_lower=peak,
                peak_lower_at=peak_at,
            )
        )
    return tuple(rows)


def transient_peak(
    matrix: Triangular, powers: Sequence[Power], radii: Sequence[Radius], kappa: float
) -> Peak:
    """The largest ‖T^k‖, k >= 1: every k in turn, as far as the work allows.

    Nothing later is larger once ‖T^j‖ <= 1 for some j (‖T^{qj+i}‖ <= ‖T^j‖^q ‖T^i‖), or once a
    bound of ``radii`` or ``kappa`` that falls with k is below what was seen; the peak is ``exact``
    then, and otherwise the ``lower`` bound that the powers seen are.
    """
    if matrix.size == 0:
        return Peak(norm=0.0, k=1, bound="exact")
    seen = max((p for p in powers if p.k >= 1), key=lambda p: p.norm)
    norm, best = seen.norm, seen.k
    decays = float(np.abs(matrix.eigenvalues).max()) < 1.0
    last = min(_MOST if decays else powers[-1].k, max(_FEWEST, int(_FLOPS / matrix.size**3)))
    dense, product = matrix.dense, matrix.dense
    for k in range(1, last + 1):
        most = _norm_bound(product)
        if not math.isfinite(most):
            return Peak(norm=math.inf, k=k, bound="lower")
        # Only a power that may be the largest, or the one that ends the search, needs its norm.
        if most > norm:
            found = _norm(product)
            norm, best = (found, k) if found > norm else (norm, best)
            most = min(most, found)
        if most <= 1.0 or _falls_below(norm, k, matrix, radii, kappa):
            return Peak(norm=norm, k=best, bound="exact")
        product = product @ dense
    return Peak(norm=norm, k=best, bound="lower")


def _norm_bound(product: Matrix) -> float:
    """min(‖A‖_F, sqrt(‖A‖_1 ‖A‖_inf)) >= ‖A‖_2."""
    size = np.abs(product)
    with np.errstate(over="ignore"):
        crossed = math.sqrt(float(size.sum(axis=0).max())) * math.sqrt(
            float(size.sum(axis=1).max())
        )
        return min(float(np.linalg.norm(size)), crossed)


def _falls_below(
    norm: float, k: int, matrix: Triangular, radii: Sequence[Radius], kappa: float
) -> bool:
    """Whether a bound of ‖T^j‖ that falls with j is below ``norm`` from j = k + 1 on."""
    rho = float(np.abs(matrix.eigenvalues).max())
    if rho < 1.0 and math.isfinite(kappa) and kappa * _power(rho, k + 1) <= norm:
        return True
    return any(
        r.upper < 1.0 and _exp((k + 2) * math.log(r.upper) - math.log(r.level)) <= norm
        for r in radii
        if r.upper > 0.0
    )


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
            # Powers that do not decay overflow in the end, and are inf.
            with np.errstate(over="ignore", invalid="ignore"):
                if bit == len(squares):
                    squares.append(squares[-1] @ squares[-1])
                if k >> bit & 1:
                    product = squares[bit] if product is None else product @ squares[bit]
        norms.append(1.0 if product is None else _norm(product))
    return norms


def _norm(product: Matrix) -> float:
    """Its 2-norm, inf where a power has overflowed."""
    return operator_norm(product) if np.all(np.isfinite(product)) else math.inf
