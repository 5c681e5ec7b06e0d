"""Slow twins of the compiled kernels: loops and definitions only, nothing shared with them."""

from __future__ import annotations

import math

from tests.naive.solver import gathered, pulled_back, scaled, sweeps, swept


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


def is_first_largest(x, place):
    """Whether ``place`` is the first index of the largest entry."""
    return place >= 0 and list(x).index(max(x)) == place


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


def look_at(plan, previous, best, changed, aim, factor, eps):
    """(drift, share of right rows, argmaxes, W) of a plan."""
    drift, places, _ = note_plan(plan, previous, best, changed, eps)
    share = share_right(places, aim["correct"], aim["known"])
    return drift, share, places, weigh_loss(plan, aim["plan"], aim["known"], aim["loss"], factor)


def descend(cost, gradient, rate):
    """C - eta dl/dC."""
    return [[c - rate * g for c, g in zip(one, two)] for one, two in zip(cost, gradient)]


def learn(kernel, row, col, iters, v, state, aim, factor, rate, eps):
    """(next cost, plan, gradient, drift, share of right rows) after a step from E and V_0."""
    us, vs = swept(kernel, row, col, iters, v)
    plan = scaled(kernel, us[-1], vs[-1])
    drift, share, _, weighted = look_at(
        plan, state["plan"], state["best"], state["changed"], aim, factor, eps
    )
    factors = pulled_back(kernel, row, col, us, vs, weighted)
    gradient = gathered(kernel, us, vs, *factors, weighted)
    return descend(state["cost"], gradient, rate), plan, gradient, drift, share
