"""The loops as layers run them, every operation rounded to the layer's precision.

Lines are rows throughout: between two half-sweeps, which alternate between rows and columns, the
matrix is transposed. Operations run in double precision and are cut to the target afterwards, which
for +, -, ·, / is the correctly rounded result (Figueroa 1995: 53 >= 2·24 + 2). Sums run in float32
at most and from the first entry on, as PyTorch's over four entries do.

``precision``: 0 float64, 1 float32, 2 bfloat16.
"""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit


@njit
def cut(value: float, precision: int) -> float:
    """The value rounded to nearest, ties to even."""
    if precision == 0 or value == 0.0 or not math.isfinite(value):
        return value
    if precision == 1:
        return float(np.float32(value))
    quantum = math.ldexp(1.0, max(math.frexp(value)[1] - 8, -133))
    rounded = np.rint(value / quantum) * quantum
    if abs(rounded) >= 2.0**128:
        return math.inf if rounded > 0.0 else -math.inf
    return rounded


@njit
def total(line: FloatArray, precision: int) -> float:
    """The sum of a line, in float32 at most, rounded once to the precision."""
    result = line[0]
    for value in line[1:]:
        result = cut(result + value, min(precision, 1))
    return cut(result, precision)


@njit
def log_total(line: FloatArray, precision: int) -> float:
    """Log Σ exp of a line, its largest entry taken out."""
    top = line.max()
    if not math.isfinite(top):
        return top
    parts = np.empty_like(line)
    for i in range(len(line)):
        parts[i] = cut(math.exp(cut(line[i] - top, precision)), precision)
    return cut(top + cut(math.log(total(parts, precision)), precision), precision)


@njit
def run_linear(
    logits: FloatArray,
    is_softmax: bool,
    added: float,
    floor: float,
    precision: int,
    tape: FloatArray,
) -> None:
    """Start and divisions; tape (T + 1, n, n) receives the start and every half-sweep's matrix.

    The start is the softmax of each row, or exp of the row minus its largest entry. With a softmax
    ``added`` is added to it, and the next half-sweep runs over its columns. A half-sweep divides a
    row by max(sum, floor) + added.
    """
    n = len(logits)
    for k in range(n):
        top = logits[k].max()
        for i in range(n):
            tape[0, k, i] = cut(math.exp(cut(logits[k, i] - top, precision)), precision)
        if is_softmax:
            factor = cut(1.0 / total(tape[0, k], precision), precision)
            for i in range(n):
                tape[0, k, i] = cut(tape[0, k, i] * factor, precision)
    for t in range(1, len(tape)):
        given = step_input(tape, t, is_softmax, added, precision)
        for k in range(n):
            whole = cut(max(total(given[k], precision), floor) + added, precision)
            for i in range(n):
                tape[t, k, i] = cut(given[k, i] / whole, precision)


@njit
def step_input(
    tape: FloatArray, t: int, is_softmax: bool, added: float, precision: int
) -> FloatArray:
    """The matrix that half-sweep t >= 1 divides, its lines as rows."""
    n = tape.shape[1]
    given = np.empty((n, n))
    for k in range(n):
        for i in range(n):
            if t > 1:
                given[k, i] = tape[t - 1, i, k]
            elif is_softmax:
                given[k, i] = cut(tape[0, i, k] + added, precision)
            else:
                given[k, i] = tape[0, k, i]
    return given


@njit
def pull_division(
    given: FloatArray, added: float, floor: float, precision: int, g: FloatArray
) -> None:
    """Carry a cotangent of x / (max(sum, floor) + added), row by row, back to x, in place."""
    n = len(given)
    line = np.empty(n)
    for k in range(n):
        mass = total(given[k], precision)
        whole = cut(max(mass, floor) + added, precision)
        for i in range(n):
            share = cut(cut(given[k, i] / whole, precision) / whole, precision)
            line[i] = -cut(g[k, i] * share, precision)
        flow = total(line, precision) if mass >= floor else 0.0
        for i in range(n):
            g[k, i] = cut(cut(g[k, i] / whole, precision) + flow, precision)


@njit
def pull_start(start: FloatArray, is_softmax: bool, precision: int, g: FloatArray) -> None:
    """Carry a cotangent of the start's rows (softmax, or exp) back to the logits, in place."""
    n = len(start)
    line = np.empty(n)
    for k in range(n):
        flow = 0.0
        if is_softmax:
            for i in range(n):
                line[i] = cut(g[k, i] * start[k, i], precision)
            flow = total(line, precision)
        for i in range(n):
            g[k, i] = cut(cut(g[k, i] - flow, precision) * start[k, i], precision)


@njit
def pull_linear(
    tape: FloatArray,
    is_softmax: bool,
    added: float,
    floor: float,
    precision: int,
    cotangents: FloatArray,
) -> None:
    """Carry cotangents (c, n, n) of the last matrix back to the logits, in place.

    Reverse accumulation as automatic differentiation takes it. A cotangent is given as the last
    half-sweep's rows lie, and comes out as those of the start.
    """
    before = np.empty_like(tape[0])
    for t in range(len(tape) - 1, 0, -1):
        given = step_input(tape, t, is_softmax, added, precision)
        for g in cotangents:
            pull_division(given, added, floor, precision, g)
            if t > 1 or is_softmax:
                before[:] = g.T
                g[:] = before
    for g in cotangents:
        pull_start(tape[0], is_softmax, precision, g)


@njit
def weigh_changes(shares: FloatArray, rests: FloatArray, d: FloatArray) -> None:
    """t_ki <- Σ_j q_kj (t_ki - t_kj) + rest_k t_ki for rows of logarithms' changes, in place."""
    n = len(d)
    line = np.empty(n)
    for k in range(n):
        for i in range(n):
            line[i] = rests[k] * d[k, i]
            for j in range(n):
                line[i] += shares[k, j] * (d[k, i] - d[k, j])
        d[k] = line


@njit
def push(
    tape: FloatArray, is_softmax: bool, added: float, floor: float, changes: FloatArray
) -> None:
    """Carry changes (c, n, n) of the logits to the last matrix, in place and in double precision.

    In logarithms, where a division is `weigh_changes` with the divided row and rest = added / (sum
    + added): small entries' changes keep their relative accuracy, which differences would lose.
    """
    n = tape.shape[1]
    after, none = np.empty((n, n)), np.zeros(n)
    if is_softmax:
        for d in changes:
            weigh_changes(tape[0], none, d)
            after[:] = d.T * (tape[0].T / (tape[0].T + added))
            d[:] = after
    for t in range(1, len(tape)):
        given = step_input(tape, t, is_softmax, added, 0)
        shares, rests = tape[t].copy(), np.empty(n)
        for k in range(n):
            mass = total(given[k], 0)
            rests[k] = added / (mass + added) if mass >= floor else 1.0
            shares[k] *= 1.0 if mass >= floor else 0.0
        for d in changes:
            if t > 1:
                after[:] = d.T
                d[:] = after
            weigh_changes(shares, rests, d)
    changes *= tape[-1]
