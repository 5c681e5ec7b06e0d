"""Pseudo-modes: the vectors that J nearly maps to z times themselves, and the rows they live on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sinkdiag.diagnose.pseudospectrum.triangular import ComplexArray, Triangular
from sinkdiag.problem import FloatArray


@dataclass(frozen=True)
class ModeEntry:
    """One row or column of a pseudo-mode.

    ``share`` is the part of ‖P∘(a⊕b)‖_F² that falls on this row or column (shares of a side sum to
    1): where a perturbation that excites the mode moves the plan. ``real`` and ``imag`` are the
    entry of the potential a (rows) or b (columns), scaled so that the largest of b is 1.
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
    norm: str = field(default="plan")


def singular_pair(matrix: Triangular, offset: complex) -> tuple[float, ComplexArray]:
    """‖(z-T)^{-1}‖ and the unit u with ‖(z-T)u‖ = ‖u‖/‖(z-T)^{-1}‖, by a full SVD.

    Parameters
    ----------
    offset:
        z - origin.
    """
    shifted = np.diag(offset + matrix.gaps) - matrix.strict
    _, sigma, adjoint = np.linalg.svd(shifted)
    least = float(sigma[-1])
    return (1.0 / least if least > 0.0 else np.inf), adjoint[-1].conj()


def mode_entries(
    matrix: Triangular,
    offset: complex,
    potentials: FloatArray,
    plan: FloatArray,
    *,
    eps: float,
    norm: str,
) -> list[ModeEntry]:
    """The pseudo-mode at z = origin + offset, mapped back to the rows and columns of the plan.

    Parameters
    ----------
    potentials:
        E R^{-1}, shape (m, k): potentials b of the orthonormal coordinates T is written in.
    plan:
        P, shape (n, m); the row potential is a = -diag(1/r) P b.
    """
    norm_at, u = singular_pair(matrix, offset)
    b = potentials @ u
    b = b / b[np.argmax(np.abs(b))]
    a = -(plan @ b) / plan.sum(axis=1)
    energy = np.abs(plan * (a[:, None] + b[None, :])) ** 2
    total = float(energy.sum())
    z = matrix.origin + offset
    entries = []
    for side, values, shares in (("row", a, energy.sum(axis=1)), ("col", b, energy.sum(axis=0))):
        for index in np.argsort(-shares, kind="stable").tolist():
            value = complex(values[index])
            entries.append(
                ModeEntry(
                    eps,
                    z.real,
                    z.imag,
                    norm_at,
                    side,
                    index,
                    float(shares[index] / total) if total > 0 else 0.0,
                    value.real,
                    value.imag,
                    norm,
                )
            )
    return entries
