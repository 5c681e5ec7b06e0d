"""Eigenvalues on the unit circle or next to it, and what the resolvent does round them.

Let λ be a semi-simple eigenvalue, and T = [[λ, t], [0, T_22]] with it in front. Then

    (z-T)^{-1} = P/(z-λ) + S(z),  ‖P‖ = sqrt(1 + ‖X‖²),  X = t (λ-T_22)^{-1},
    ‖S(z)‖ <= ‖P‖ ‖(z-T_22)^{-1}‖,

so that (|z|-1) ‖(z-T)^{-1}‖ tends radially to ‖P‖ when |λ| = 1, and is at most ‖P‖/(1 - r b) where
|z-λ| <= r, b = ‖(λ-T_22)^{-1}‖. A defective eigenvalue has no such limit: the product is unbounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import ComplexArray, FloatArray, IntArray
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import Triangular

# An eigenvalue whose modulus differs from 1 by no more than this, or by this multiple of the
# matrix's floor, is on the circle. A form without a floor has exact gaps, and no tolerance.
UNIMODULAR, _FLOORS = 1e-12, 1000.0
# Those within this distance of each other are one eigenvalue: rounding splits a defective one by
# its square root. It is semi-simple when its diagonal block is diagonal to within this number.
CLUSTER, SEMI_SIMPLE = 1e-7, 1e-9
# Most eigenvalues on the circle that are looked at; each costs a Schur form.
_MOST = 32
_SAFE = 1.0 + 1e-6


@dataclass(frozen=True, kw_only=True)
class Disc:
    """A disc round ``centre`` (an offset z - origin) in which f = (|z|-1)‖(z-T)^{-1}‖ is bounded.

    ``projector`` is ‖P‖ of its eigenvalue, ``rest`` a bound of ‖(z-T_22)^{-1}‖ at the centre;
    ``limit`` says whether the eigenvalue is on the circle, so that f tends to ‖P‖.
    """

    centre: complex
    projector: float
    rest: float
    limit: bool

    def radius(self, gamma: float) -> float:
        """The radius within which f <= gamma."""
        spare = gamma / self.projector - 1.0
        return spare / ((1.0 + spare) * self.rest) if spare > 0.0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """The spectrum seen from the unit circle.

    ``bounded`` is False when an eigenvalue is outside it, or on it and defective; ``complete`` when
    all those on it have their disc.
    """

    bounded: bool
    discs: tuple[Disc, ...] = ()
    complete: bool = True

    @property
    def touched(self) -> bool:
        """Whether an eigenvalue is on the circle."""
        return any(disc.limit for disc in self.discs)


def outside(offsets: ComplexArray | FloatArray, origin: float) -> FloatArray:
    """|origin + w| - 1 without cancellation next to origin = 1."""
    w = np.asarray(offsets, dtype=np.complex128)
    squared = (origin * origin - 1.0) + 2.0 * origin * w.real + np.abs(w) ** 2
    return squared / (1.0 + np.abs(origin + w))


def boundary_of(matrix: Triangular) -> Boundary:
    """Which eigenvalues are outside the unit circle, on it, or alone next to 1."""
    height = outside(-matrix.gaps, matrix.origin)
    tolerance = max(UNIMODULAR, _FLOORS * matrix.floor) if matrix.floor > 0.0 else 0.0
    if float(height.max()) > tolerance or (tolerance == 0.0 and float(height.max()) == 0.0):
        return Boundary(bounded=False)
    on_circle = np.flatnonzero(height >= -tolerance) if tolerance else np.empty(0, np.int64)
    if not len(on_circle):
        return Boundary(bounded=True, discs=_next_to_one(matrix))
    clusters = _clusters(matrix.eigenvalues, on_circle)
    discs = []
    for cluster in clusters[:_MOST]:
        disc = _disc_of(matrix, matrix.eigenvalues[cluster])
        if disc is None:
            return Boundary(bounded=False)
        discs.append(disc)
    return Boundary(bounded=True, discs=tuple(discs), complete=len(clusters) <= _MOST)


def _clusters(values: ComplexArray, members: IntArray) -> list[IntArray]:
    """The members, in groups of those within `CLUSTER` of each group's first."""
    groups = []
    while len(members):
        together = np.abs(values[members] - values[members[0]]) <= CLUSTER
        groups.append(members[together])
        members = members[~together]
    return groups


def _disc_of(matrix: Triangular, values: ComplexArray) -> Disc | None:
    """The disc round one eigenvalue on the circle; none when it is defective."""
    from scipy.linalg import schur, solve_triangular

    value = complex(values.mean())

    def near(z: complex, _: float = 0.0) -> bool:
        return abs(z - value) <= 2.0 * CLUSTER

    factor, _, count = schur(matrix.dense.astype(np.complex128), output="complex", sort=near)
    allowed = max(SEMI_SIMPLE, _FLOORS * matrix.floor)
    if float(np.linalg.norm(np.triu(factor[:count, :count], 1))) > allowed:
        return None
    centre = value / abs(value) - matrix.origin
    shifted = value * np.eye(len(factor) - count) - factor[count:, count:]
    if not len(shifted):
        return Disc(centre=centre, projector=1.0, rest=0.0, limit=True)
    x = solve_triangular(shifted, factor[:count, count:].T, trans="T").T
    projector = math.hypot(1.0, float(np.linalg.norm(x, 2)))
    rest = _SAFE / float(np.linalg.svd(shifted, compute_uv=False)[-1])
    return Disc(centre=centre, projector=projector, rest=rest, limit=True)


def _next_to_one(matrix: Triangular) -> tuple[Disc, ...]:
    """The disc round z = 1 that a single eigenvalue next to it leaves, however close it is.

    There |z| - 1 <= |z-λ|, which is all that the bound needs.
    """
    gaps = matrix.gaps
    if matrix.origin != 1.0 or np.iscomplexobj(gaps) or len(gaps) < 2 or gaps[0] >= gaps[1:].min():
        return ()
    from scipy.linalg import solve_triangular

    rest = Triangular(origin=1.0, gaps=gaps[1:], strict=matrix.strict[1:, 1:], mirrored=True)
    shifted = np.diag(gaps[1:] - gaps[0]) - rest.strict
    x = solve_triangular(shifted, matrix.strict[0, 1:], trans="T")
    norms = Resolvent.of(rest).norms(np.zeros(1, dtype=np.complex128))
    if not norms.converged.all():
        return ()
    return (
        Disc(
            centre=0j,
            projector=math.hypot(1.0, float(np.linalg.norm(x))),
            rest=float(norms.values[0]) * _SAFE,
            limit=False,
        ),
    )
