"""A learning step as one compiled call, between the exponentials of one step and of the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.numerics.jit import njit
from sinkdiag.solver.adjoint import Factors
from sinkdiag.solver.adjoint_kernels import gathered, pulled_back, scaled, swept

# Losses by number, for compiled code: see `sinkdiag.annealing.learning.learner.Loss`.
MSE, MASS, NLL = 0, 1, 2

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class Aim(NamedTuple):
    """What is learned: T (n, m) in the run's precision, see `Target`; the loss by number."""

    plan: AnyArray
    known: Flags
    judged: Flags
    correct: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    loss: int


class Moment(NamedTuple):
    """The arrays of `LearningState` that a step overwrites."""

    cost: AnyArray
    plan: AnyArray
    best: np.ndarray[tuple[int], np.dtype[np.int64]]
    changed_at: np.ndarray[tuple[int], np.dtype[np.float64]]


class Found(NamedTuple):
    """What a step leaves: P_K, W and dl/dC, (n, m) each; the drift and the share of right rows."""

    plan: AnyArray
    weighted: AnyArray
    gradient: AnyArray
    measured: np.ndarray[tuple[int], np.dtype[np.float64]]


@njit
def learn(
    factors: Factors,
    iters: int,
    bounds: tuple[float, float, float],
    moment: Moment,
    aim: Aim,
    numbers: AnyArray,
    eps: float,
    found: Found,
) -> int:
    """K sweeps from ``factors``, the loss, its gradient, and a step along it.

    ``bounds`` are the ``safe``, ``still`` and ``spent`` of the precision, ``numbers`` (in that
    precision) the factor of `weigh_loss` and the learning rate. Returns the number of sweeps as
    `swept` does; at -1 nothing is learned.
    """
    safe, still, spent = bounds
    kernel, row, col, u, v, left, right = factors
    done = swept(kernel, row, col, iters, u, v, safe, still)
    if done < 0:
        return done
    scaled(kernel, u[done], v[done], found.plan)
    look_at(moment, aim, numbers, eps, found)
    first = pulled_back(kernel, row, col, iters, done, u, v, found.weighted, spent, left, right)
    gathered(kernel, first, done, u, v, left, right, found.weighted, found.gradient)
    descend(moment.cost, found.gradient, numbers)
    return done


@njit
def look_at(moment: Moment, aim: Aim, numbers: AnyArray, eps: float, found: Found) -> None:
    """Drift, argmaxes and W of the plan in ``found``, which becomes that of the moment."""
    drift = note_plan(found.plan, moment.plan, moment.best, moment.changed_at, eps)
    found.measured[0] = drift
    found.measured[1] = share_right(moment.best, aim.correct, aim.judged)
    weigh_loss(found.plan, aim.plan, aim.known, aim.loss, numbers[0], found.weighted)


@njit
def descend(cost: AnyArray, gradient: AnyArray, numbers: AnyArray) -> None:
    """C <- C - eta dl/dC."""
    n, m = cost.shape
    rate = numbers[1]
    for i in range(n):
        for j in range(m):
            cost[i, j] -= rate * gradient[i, j]


@njit
def note_plan(
    plan: AnyArray,
    previous: AnyArray,
    best: np.ndarray[tuple[int], np.dtype[np.int64]],
    changed: np.ndarray[tuple[int], np.dtype[np.float64]],
    eps: float,
) -> float:
    """Each row's argmax into ``best``; returns the drift ‖P - previous‖_F; previous becomes P.

    Where the argmax is another than ``best`` held, ``changed`` is set to ``eps``.
    """
    n, m = plan.shape
    moved = np.zeros_like(plan[0])
    for i in range(n):
        for j in range(m):
            change = plan[i, j] - previous[i, j]
            moved[j] += change * change
            previous[i, j] = plan[i, j]
        if not is_first_largest(plan[i], best[i]):
            best[i] = np.argmax(plan[i])
            changed[i] = eps
    total = 0.0
    for j in range(m):
        total += moved[j]
    return np.sqrt(total)


@njit
def is_first_largest(x: AnyArray, place: int) -> bool:
    """Whether ``place`` is the argmax of x, of equals the first; -1 never is."""
    if place < 0:
        return False
    count = 0  # which vectorises: an argmax does not
    for j in range(place):
        count += x[j] >= x[place]
    for j in range(place + 1, len(x)):
        count += x[j] > x[place]
    return count == 0


@njit
def share_right(
    best: np.ndarray[tuple[int], np.dtype[np.int64]],
    correct: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    judged: Flags,
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
    known: Flags,
    loss: int,
    factor: float,
    weighted: AnyArray,
) -> None:
    """W = P∘(dl/dP)/eps into ``weighted``; 0 in unknown rows.

    ``factor``, in the plan's precision: s²/eps, for ``NLL`` s/eps, where s = n/N rescales P and T
    to N = n.
    """
    n, m = plan.shape
    for i in range(n):
        if not known[i]:
            for j in range(m):
                weighted[i, j] = 0.0
        elif loss == MSE:
            for j in range(m):
                weighted[i, j] = plan[i, j] * (plan[i, j] - target[i, j]) * factor
        elif loss == MASS:
            for j in range(m):
                weighted[i, j] = -plan[i, j] * target[i, j] * factor
        else:
            for j in range(m):
                weighted[i, j] = -target[i, j] * factor
