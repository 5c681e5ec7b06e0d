"""The loops that layers run on logarithms, with the conventions of `sinkdiag.checkpoints.kernels`.

Two ways: every half-sweep subtracts the rows' log Σ exp from the matrix itself (``chain``), or
keeps it as a potential beside the logits (``potentials``). They differ by rounding only.
"""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.kernels import cut, log_total, total
from sinkdiag.numerics.jit import njit


@njit
def run_chain(logits: FloatArray, precision: int, tape: FloatArray) -> None:
    """Half-sweeps on log P; tape (T + 1, n, n) receives the logits and every half-sweep's log P."""
    n = len(logits)
    tape[0] = logits
    for t in range(1, len(tape)):
        if t > 1:
            tape[t] = tape[t - 1].T
        else:
            tape[t] = tape[0]
        for k in range(n):
            whole = log_total(tape[t, k], precision)
            for i in range(n):
                tape[t, k, i] = cut(tape[t, k, i] - whole, precision)


@njit
def pull_chain(tape: FloatArray, precision: int, cotangents: FloatArray) -> None:
    """Carry cotangents (c, n, n) of exp of the last log P back to the logits, in place."""
    n = tape.shape[1]
    before = np.empty((n, n))
    for g in cotangents:
        for k in range(n):
            for i in range(n):
                weight = cut(math.exp(tape[-1, k, i]), precision)
                g[k, i] = cut(g[k, i] * weight, precision)
        for t in range(len(tape) - 1, 0, -1):
            for k in range(n):
                flow = total(g[k], precision)
                for i in range(n):
                    share = cut(math.exp(tape[t, k, i]), precision)
                    before[k, i] = cut(g[k, i] - cut(share * flow, precision), precision)
            for k in range(n):
                for i in range(n):
                    g[k, i] = before[i, k] if t > 1 else before[k, i]


@njit
def run_potentials(logits: FloatArray, precision: int, potentials: FloatArray) -> None:
    """Half-sweeps on potentials; row t of ``potentials`` (T + 1, n) receives that of half-sweep t.

    Row 0, of the lines across the first half-sweep's, is 0.
    """
    n = len(logits)
    line = np.empty(n)
    potentials[0] = 0.0
    for t in range(1, len(potentials)):
        for k in range(n):
            for i in range(n):
                value = logits[k, i] if t % 2 == 1 else logits[i, k]
                line[i] = cut(value + potentials[t - 1, i], precision)
            potentials[t, k] = -log_total(line, precision)


@njit
def fill_potentials(
    logits: FloatArray, potentials: FloatArray, t: int, precision: int, plan: FloatArray
) -> None:
    """exp(logits + u + v) after half-sweep t >= 1, its lines as rows; u is of the logits' rows."""
    n = len(logits)
    for k in range(n):
        for i in range(n):
            if t % 2 == 1:
                value = cut(logits[k, i] + potentials[t, k], precision)
                value = cut(value + potentials[t - 1, i], precision)
            else:
                value = cut(logits[i, k] + potentials[t - 1, i], precision)
                value = cut(value + potentials[t, k], precision)
            plan[k, i] = cut(math.exp(value), precision)


@njit
def pull_potentials(
    logits: FloatArray, potentials: FloatArray, precision: int, cotangents: FloatArray
) -> None:
    """Carry cotangents (c, n, n) of the last matrix back to the logits, in place."""
    n, steps = len(logits), len(potentials) - 1
    plan, before = np.empty((n, n)), np.empty((n, n))
    now, across = np.empty(n), np.empty(n)
    fill_potentials(logits, potentials, steps, precision, plan)
    for g in cotangents:
        for k in range(n):
            for i in range(n):
                g[k, i] = cut(g[k, i] * plan[k, i], precision)
        for k in range(n):
            now[k], across[k] = total(g[k], precision), total(g[:, k].copy(), precision)
        for t in range(steps, 0, -1):
            for k in range(n):
                for i in range(n):
                    value = logits[k, i] if t % 2 == 1 else logits[i, k]
                    value = cut(value + potentials[t - 1, i], precision)
                    share = cut(math.exp(cut(value + potentials[t, k], precision)), precision)
                    before[k, i] = -cut(now[k] * share, precision)
                    g[k, i] = cut(g[k, i] + before[k, i], precision)
            for i in range(n):
                now[i] = cut(across[i] + total(before[:, i].copy(), precision), precision)
            across[:] = 0.0
            if t > 1:
                before[:] = g.T
                g[:] = before
