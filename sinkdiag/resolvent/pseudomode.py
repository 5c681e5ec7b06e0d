"""Pseudo-modes: the vectors that J nearly maps to z times themselves, and the rows they live on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import ComplexArray, FloatArray
from sinkdiag.columns import column
from sinkdiag.resolvent.operator import Operator
from sinkdiag.resolvent.triangular import Triangular


@dataclass(frozen=True, kw_only=True)
class ModeEntry:
    """One row or column of a pseudo-mode at z = re + i im, the most fragile first.

    A large share says that a perturbation which excites the mode moves the plan there.
    """

    eps: float = column("temperature; nan for --matrix", "cost")
    re: float = column("real part of the point z")
    im: float = column("imaginary part of z")
    resolvent_norm: float = column("‖(z-J)^{-1}‖ at z; inf on an eigenvalue")
    side: str = column("what the index counts: row, col, or entry for --matrix")
    index: int = column("number of the row, column or entry, from 0")
    share: float = column(
        "part of ‖P∘(a⊕b)‖_F² that falls on it; for an entry, of the vector's squared length; the "
        "shares of a side sum to 1"
    )
    real: float = column("real part of the potential a_i or b_j there, the largest b scaled to 1")
    imag: float = column("its imaginary part")
    norm: str = column("plan, potential or natural; euclidean for --matrix")


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
    return [
        ModeEntry(
            eps=operator.eps,
            re=z.real,
            im=z.imag,
            resolvent_norm=norm_at,
            side=side,
            index=index,
            share=float(shares[index]),
            real=float(values[index].real),
            imag=float(values[index].imag),
            norm=operator.norm,
        )
        for side, values, shares in _sides(operator.plan, b)
        for index in np.argsort(-shares, kind="stable").tolist()
    ]


def _sides(plan: FloatArray | None, b: ComplexArray) -> list[tuple[str, ComplexArray, FloatArray]]:
    """Each side with its potentials and their shares; a matrix of one's own has one side."""
    if plan is None:
        energy = np.abs(b) ** 2
        return [("entry", b, energy / energy.sum())]
    a = -(plan @ b) / plan.sum(axis=1)
    moved = np.abs(plan * (a[:, None] + b[None, :])) ** 2
    total = float(moved.sum()) or 1.0
    return [("row", a, moved.sum(axis=1) / total), ("col", b, moved.sum(axis=0) / total)]
