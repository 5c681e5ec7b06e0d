"""Slow twins of the projections as layers run them: definitions, line by line, no transposing."""

from __future__ import annotations

import math
import struct
from fractions import Fraction


def cut(value, precision):
    """Nearest representable, ties to even, by exact fractions."""
    if precision == 0 or value == 0 or not math.isfinite(value):
        return value
    if precision == 1:
        try:
            return struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            return math.copysign(math.inf, value)
    exact, exponent = Fraction(value), math.floor(math.log2(abs(value)))
    while abs(exact) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(exact) < Fraction(2) ** exponent:
        exponent -= 1
    quantum = Fraction(2) ** max(exponent - 7, -133)
    rounded = round(exact / quantum) * quantum
    return math.copysign(math.inf, value) if abs(rounded) >= 2**128 else float(rounded)


def total(line, precision):
    result = line[0]
    for value in line[1:]:
        result = cut(result + value, min(precision, 1))
    return cut(result, precision)


def log_total(line, precision):
    top = max(line)
    if not math.isfinite(top):
        return top
    parts = [cut(math.exp(cut(x - top, precision)), precision) for x in line]
    return cut(top + cut(math.log(total(parts, precision)), precision), precision)


def flipped(matrix):
    return [list(line) for line in zip(*matrix)]


def step_input(tape, t, is_softmax, added, precision):
    """What half-sweep t divides: the matrix before, turned; a softmax first gets ``added``."""
    if t > 1:
        return flipped(tape[t - 1])
    if is_softmax:
        return flipped([[cut(x + added, precision) for x in line] for line in tape[0]])
    return [list(line) for line in tape[0]]


def run_linear(logits, is_softmax, added, floor, precision, steps):
    """The start and the matrix after every half-sweep, its lines as rows."""
    start = []
    for line in logits:
        values = [cut(math.exp(cut(x - max(line), precision)), precision) for x in line]
        if is_softmax:
            factor = cut(1 / total(values, precision), precision)
            values = [cut(x * factor, precision) for x in values]
        start.append(values)
    tape = [start]
    for t in range(1, steps + 1):
        matrix = []
        for line in step_input(tape, t, is_softmax, added, precision):
            whole = cut(max(total(line, precision), floor) + added, precision)
            matrix.append([cut(x / whole, precision) for x in line])
        tape.append(matrix)
    return tape


def pull_division(given, added, floor, precision, g):
    """The cotangent of x in x / (max(sum, floor) + added), row by row."""
    before = []
    for line, upper in zip(given, g):
        mass = total(line, precision)
        whole = cut(max(mass, floor) + added, precision)
        shares = [cut(cut(x / whole, precision) / whole, precision) for x in line]
        flow = total([-cut(a * b, precision) for a, b in zip(upper, shares)], precision)
        flow = flow if mass >= floor else 0.0
        before.append([cut(cut(a / whole, precision) + flow, precision) for a in upper])
    return before


def pull_start(start, is_softmax, precision, g):
    """The cotangent of the logits, from that of softmax or exp of their rows."""
    result = []
    for line, upper in zip(start, g):
        weighted = [cut(a * b, precision) for a, b in zip(upper, line)]
        flow = total(weighted, precision) if is_softmax else 0.0
        result.append([cut(cut(a - flow, precision) * b, precision) for a, b in zip(upper, line)])
    return result


def pull_linear(tape, is_softmax, added, floor, precision, cotangent):
    """The gradient of <cotangent, last matrix> in the logits, by the chain rule."""
    g = [list(line) for line in cotangent]
    for t in range(len(tape) - 1, 0, -1):
        given = step_input(tape, t, is_softmax, added, precision)
        g = pull_division(given, added, floor, precision, g)
        g = flipped(g) if t > 1 or is_softmax else g
    return pull_start(tape[0], is_softmax, precision, g)


def weigh_changes(shares, rests, d):
    return [
        [rest * a + math.fsum(q * (a - b) for q, b in zip(share, line)) for a in line]
        for share, rest, line in zip(shares, rests, d)
    ]


def push(tape, is_softmax, added, floor, change):
    """The change of the last matrix: the tangent of each operation, in its own terms."""
    d = [[a * b for a, b in zip(line, start)] for line, start in zip(change, tape[0])]
    if is_softmax:
        d = [
            [a - b * math.fsum(line) for a, b in zip(line, start)]
            for line, start in zip(d, tape[0])
        ]
        d = flipped(d)
    for t in range(1, len(tape)):
        if t > 1:
            d = flipped(d)
        after = []
        for line, values in zip(step_input(tape, t, is_softmax, added, 0), d):
            mass = math.fsum(line)
            whole = max(mass, floor) + added
            change_of_sum = math.fsum(values) if mass >= floor else 0.0
            after.append([a / whole - x * change_of_sum / whole**2 for a, x in zip(values, line)])
        d = after
    return d


def run_chain(logits, precision, steps):
    """log P before the first and after every half-sweep, its lines as rows."""
    tape = [[list(line) for line in logits]]
    for t in range(1, steps + 1):
        given = tape[0] if t == 1 else flipped(tape[-1])
        tape.append(
            [[cut(x - log_total(line, precision), precision) for x in line] for line in given]
        )
    return tape


def pull_chain(tape, precision, cotangent):
    g = [
        [cut(a * cut(math.exp(x), precision), precision) for a, x in zip(upper, line)]
        for upper, line in zip(cotangent, tape[-1])
    ]
    for t in range(len(tape) - 1, 0, -1):
        before = []
        for upper, line in zip(g, tape[t]):
            flow = total(upper, precision)
            before.append(
                [
                    cut(a - cut(cut(math.exp(x), precision) * flow, precision), precision)
                    for a, x in zip(upper, line)
                ]
            )
        g = flipped(before) if t > 1 else before
    return g


def run_potentials(logits, precision, steps):
    """The potential of every half-sweep; that of the columns starts at 0."""
    found = [[0.0] * len(logits)]
    for t in range(1, steps + 1):
        given = logits if t % 2 else flipped(logits)
        found.append(
            [
                -log_total([cut(x + v, precision) for x, v in zip(line, found[-1])], precision)
                for line in given
            ]
        )
    return found


def fill_potentials(logits, potentials, t, precision):
    """exp(logits + u + v) after half-sweep t, as the logits lie for it."""
    u, v = (potentials[t], potentials[t - 1]) if t % 2 else (potentials[t - 1], potentials[t])
    plan = [
        [
            cut(math.exp(cut(cut(x + a, precision) + b, precision)), precision)
            for x, b in zip(line, v)
        ]
        for line, a in zip(logits, u)
    ]
    return plan if t % 2 else flipped(plan)


def pull_potentials(logits, potentials, precision, cotangent):
    steps, n = len(potentials) - 1, len(logits)
    plan = fill_potentials(logits, potentials, steps, precision)
    g = [
        [cut(a * p, precision) for a, p in zip(upper, line)] for upper, line in zip(cotangent, plan)
    ]
    now = [total(line, precision) for line in g]
    across = [total(line, precision) for line in flipped(g)]
    for t in range(steps, 0, -1):
        given = logits if t % 2 else flipped(logits)
        parts = []
        for k in range(n):
            shifted = [cut(x + v, precision) for x, v in zip(given[k], potentials[t - 1])]
            shares = [
                cut(math.exp(cut(x + potentials[t][k], precision)), precision) for x in shifted
            ]
            parts.append([-cut(now[k] * share, precision) for share in shares])
        g = [[cut(a + b, precision) for a, b in zip(upper, line)] for upper, line in zip(g, parts)]
        now = [
            cut(a + total(line, precision), precision) for a, line in zip(across, flipped(parts))
        ]
        across = [0.0] * n
        g = flipped(g) if t > 1 else g
    return g
