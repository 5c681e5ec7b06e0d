"""Slow twins of the compiled kernels: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math

from tests.naive.solver import sweeps


def frobenius(first, second):
    return math.sqrt(
        math.fsum((a - b) ** 2 for one, two in zip(first, second) for a, b in zip(one, two))
    )


def track_step(cost, row, col, eps, iters, g, previous):
    """(drift, f, g, plan): the sweeps, and how far the plan is from the one before."""
    f, g, plan = sweeps(cost, row, col, eps, iters, g)
    return frobenius(plan, previous), f, g, plan


def note_plan(plan, previous, best, changed, eps):
    """(drift, argmax of every row; of equals the first, where it changed: eps)."""
    places = [list(line).index(max(line)) for line in plan]
    marks = [old if place == was else eps for place, was, old in zip(places, best, changed)]
    return frobenius(plan, previous), places, marks


def share_right(best, correct, judged):
    """The share of the judged rows whose argmax is correct."""
    found = [bool(line[place]) for line, place, seen in zip(correct, best, judged) if seen]
    return sum(found) / len(found)


def weigh_loss(plan, target, known, loss, factor):
    """P∘dl/dP times the factor, for ``mse`` P(P - T), ``mass`` -PT, ``nll`` -T; 0 if unknown."""

    def weight(p, t):
        return {"mse": p * (p - t), "mass": -p * t, "nll": -t}[loss] * factor

    return [
        [weight(p, t) if seen else 0.0 for p, t in zip(one, two)]
        for one, two, seen in zip(plan, target, known)
    ]
