"""Pseudo-modes: the vectors that J nearly maps to z times themselves, and the rows they live on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import ComplexArray
from sinkdiag.resolvent.operator import Operator
from sinkdiag.resolvent.triangular import Triangular


@dataclass(frozen=True)
class ModeEntry:
    """One row or column of a pseudo-mode at z = re + i im, the most fragile first.

    ``share`` is the part of ‖P∘(a⊕b)‖_F² that falls on this row or column (shares of a side sum to
    1): where a perturbation that excites the mode moves the plan. ``real`` and ``imag`` are the
    entry of the potential a (``side`` row) or b (col), scaled so that the largest of b is 1. For a
    user's matrix ``side`` is entry, and the share is that of the vector's squared length.
    """

    eps: float
    re: float
    im: float
    resolvent_norm: float
    side: str
    index: int
    share: float
    real: float
    imag: float
    norm: str


def singular_pair(matrix: Triangular, offset: complex) -> tuple[float, ComplexArray]:
    """‖(z-T)^{-1}‖ and the unit u with ‖(z-T)u‖ = ‖u‖/‖(z-T)^{-1}‖, by an SVD; z = origin + offset.

    On an eigenvalue the norm is inf and u an eigenvector.
    """
    shifted = np.diag(offset + matrix.gaps) - matrix.strict
    _, sigma, adjoint = np.linalg.svd(shifted)
    least = float(sigma[-1])
    # What rounding leaves of an exact zero counts as zero.
    on_spectrum = least == 0.0 or not np.abs(offset + matrix.gaps).all()
    return (math.inf if on_spectrum else 1.0 / least), adjoint[-1].conj()


def entries_at(operator: Operator, z: complex) -> list[ModeEntry]:
    """The pseudo-mode at z mapped back to rows and columns of the plan; empty if there is none."""
    matrix = operator.matrix
    if matrix is None or matrix.size == 0:
        return []
    norm_at, u = singular_pair(matrix, z - matrix.origin)
    b = np.asarray(operator.potentials @ u)
    b = b / b[np.argmax(np.abs(b))]
    if operator.plan is None:
        energy = np.abs(b) ** 2
        sides = [("entry", b, energy)]
    else:
        plan = operator.plan
        a = -(plan @ b) / plan.sum(axis=1)
        moved = np.abs(plan * (a[:, None] + b[None, :])) ** 2
        energy = moved
        sides = [("row", a, moved.sum(axis=1)), ("col", b, moved.sum(axis=0))]
    total = float(energy.sum())
    return [
        ModeEntry(
            operator.eps,
            z.real,
            z.imag,
            norm_at,
            side,
            index,
            float(shares[index]) / total if total > 0.0 else 0.0,
            float(values[index].real),
            float(values[index].imag),
            operator.norm,
        )
        for side, values, shares in sides
        for index in np.argsort(-shares, kind="stable").tolist()
    ]
