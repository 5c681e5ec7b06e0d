"""The part of a learning step that is neither the layer nor its adjoint: loss, drift, argmax."""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.numerics.jit import njit

# Losses by number, for compiled code: see `sinkdiag.annealing.learning.learner.Loss`.
MSE, MASS, NLL = 0, 1, 2


@njit
def note_plan(
    plan: AnyArray,
    previous: AnyArray,
    best: np.ndarray[tuple[int], np.dtype[np.int64]],
    changed: np.ndarray[tuple[int], np.dtype[np.float64]],
    eps: float,
) -> float:
    """Each row's argmax into ``best``; returns the drift ‖P - previous‖_F.

    Where the argmax is another than ``best`` held, ``changed`` is set to ``eps``.
    """
    n, m = plan.shape
    moved = np.zeros_like(plan[0])
    for i in range(n):
        top, place = plan[i, 0], 0
        for j in range(m):
            change = plan[i, j] - previous[i, j]
            moved[j] += change * change
            if plan[i, j] > top:
                top, place = plan[i, j], j
        if best[i] != place:
            best[i] = place
            changed[i] = eps
    total = 0.0
    for j in range(m):
        total += moved[j]
    return np.sqrt(total)


@njit
def share_right(
    best: np.ndarray[tuple[int], np.dtype[np.int64]],
    correct: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    judged: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> float:
    """The share of the judged rows whose argmax is correct."""
    right, count = 0, 0
    for i in range(len(best)):
        if judged[i]:
            count += 1
            if correct[i, best[i]]:
                right += 1
    return right / count


@njit
def weigh_loss(
    plan: AnyArray,
    target: AnyArray,
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    loss: int,
    factor: AnyArray,
    weighted: AnyArray,
) -> None:
    """W = P∘(dl/dP)/eps into ``weighted``; 0 in unknown rows.

    ``factor`` holds one number in the plan's precision, so that the loops stay in it: s²/eps, for
    ``NLL`` s/eps, where s = n/N rescales P and T to N = n.
    """
    n, m = plan.shape
    scale = factor[0]
    for i in range(n):
        if not known[i]:
            for j in range(m):
                weighted[i, j] = 0.0
        elif loss == MSE:
            for j in range(m):
                weighted[i, j] = plan[i, j] * (plan[i, j] - target[i, j]) * scale
        elif loss == MASS:
            for j in range(m):
                weighted[i, j] = -plan[i, j] * target[i, j] * scale
        else:
            for j in range(m):
                weighted[i, j] = -target[i, j] * scale
