"""The largest eigenvalue of a symmetric positive operator, by Lanczos in NumPy alone.

NumPy and SciPy bring one BLAS thread pool each; an iteration that alternates between them spends
its time on their hand-over. Golub & Van Loan, *Matrix Computations* (2013), section 10.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]


def largest_eigenvalue(
    apply: Callable[[Vector], Vector], start: Vector, *, tol: float, steps: int
) -> tuple[float, bool]:
    """Largest eigenvalue, a lower estimate, and whether its residual is below ``tol`` of it.

    Full reorthogonalisation: ``steps`` vectors of the size of ``start`` are kept. The error is at
    most the residual, and about its square over the distance to the next eigenvalue.
    """
    size = len(start)
    basis = [start / np.linalg.norm(start)]
    steps = min(steps, size)
    projected = np.zeros((steps, steps))
    top = 0.0
    for k in range(steps):
        image = np.asarray(apply(basis[k]))
        projected[k, k] = float(np.vdot(basis[k], image).real)
        for _ in range(2):
            for vector in basis:
                image = image - np.vdot(vector, image) * vector
        beta = float(np.linalg.norm(image))
        values, vectors = np.linalg.eigh(projected[: k + 1, : k + 1])
        top = max(float(values[-1]), 0.0)
        if beta * abs(float(vectors[-1, -1])) <= tol * top or k + 1 == size:
            return top, True
        if k + 1 < steps:
            projected[k, k + 1] = projected[k + 1, k] = beta
            basis.append(image / beta)
    return top, False
