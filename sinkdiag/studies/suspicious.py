"""Input that can be computed with and hardly is what its owner meant.

Costs that look like similarities or like a plan, rows without a preference, a dustbin without the
mass it needs, temperatures that are absurd for the costs. Every rule is one that chance or an
honest cost meets in less than about one case in ten thousand; none of them changes a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.special

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem
from sinkdiag.temperature import Temperatures

# Temperatures outside these multiples of the cost's range are suspicious.
COLDEST, HOTTEST = 1e-5, 100.0
# Sums of rows and columns that agree to this are those of a plan (files may hold five digits).
_SUM_TOL = 1e-4
# Chance of a diagonal that holds so many of the largest entries.
_CHANCE = 1e-5
# Share of rows whose largest entry is its column's too, least number of them, and share of such
# smallest entries: a match shows in one of the two, chance makes them about one half each.
_MUTUAL, _FEWEST, _OTHER = 0.9, 12, 0.75

_SIMILARITIES = "if the entries are similarities, give --score (if it was given, drop it)"


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What is suspicious, by the rule that found it, and in a sentence with its remedy."""

    rule: str
    sentence: str


def suspicions(problem: Problem, temperatures: Temperatures | None = None) -> tuple[Suspicion, ...]:
    """What is suspicious about a cost, its marginals and the temperatures that were asked for."""
    found = {
        "plan": _plan_words(problem),
        "similarities": _similarity_words(problem.cost),
        "constant": _constant_words(problem),
    }
    if temperatures is not None:
        found |= _eps_words(problem, temperatures)
    return tuple(Suspicion(rule=rule, sentence=text) for rule, text in found.items() if text)


def _plan_words(problem: Problem) -> str:
    """A transport plan, or the output of a softmax, in place of the costs it was made from."""
    cost = problem.cost
    n, m = cost.shape
    if min(n, m) < 3 or not np.isfinite(cost).all() or cost.min() < 0.0 or np.ptp(cost) == 0.0:
        return ""
    rows, cols = cost.sum(axis=1), cost.sum(axis=0)
    if all(_equal(sums, sums.mean()) for sums in (rows, cols)) and (
        _equal(rows, 1.0) or _equal(rows, 1.0 / n)
    ):
        return (
            f"the entries look like a transport plan (rows sum to {rows.mean():.4g}, columns to "
            f"{cols.mean():.4g}): give the costs that it was made from"
        )
    if _equal(rows, 1.0) or _equal(cols, 1.0):
        side = "rows" if _equal(rows, 1.0) else "columns"
        return (
            f"the entries look like probabilities (all {side} sum to 1): give the costs or logits "
            "they were made from, logits with --score"
        )
    return ""


def _similarity_words(cost: FloatArray) -> str:
    """The largest values where the match is."""
    n, m = cost.shape
    if min(n, m) < 2 or not np.isfinite(cost).all():
        return ""
    if n == m and _is_correlation(cost):
        return (
            "the entries look like correlations or cosines (1 on the diagonal, nothing above it): "
            "a cost is small where the match is; " + _SIMILARITIES
        )
    rows, cols = cost.argmax(axis=1), cost.argmax(axis=0)
    hits = min(int((rows == np.arange(n)).sum()), int((cols == np.arange(m)).sum()))
    if n == m and _chance(hits, n) < _CHANCE and not _is_flat(cost):
        return (
            f"the largest entry of {hits} of {n} rows and columns is on the diagonal, where the "
            "match of a square matrix usually is: a cost is small there; "
            + _SIMILARITIES
            + "; if these pairs are to be forbidden, write inf"
        )
    fewer = min(n, m)
    mutual = int((cols[rows] == np.arange(n)).sum())
    cheapest = cost.argmin(axis=1)
    opposite = int((cost.argmin(axis=0)[cheapest] == np.arange(n)).sum())
    if mutual >= max(_MUTUAL * fewer, _FEWEST) and opposite <= _OTHER * fewer:
        return (
            f"{mutual} of {n} rows and their columns agree on their largest entry, {opposite} on "
            "their smallest: the matches seem to be where the entries are large; " + _SIMILARITIES
        )
    return ""


def _constant_words(problem: Problem) -> str:
    """Rows and columns that prefer nothing; a dustbin is one of each, and wants more mass."""
    cost = problem.cost
    if min(cost.shape) < 2 or _is_flat(cost):
        return ""
    rows, cols = _constant(cost), _constant(cost.T)
    n, m = cost.shape
    dustbin = n > 2 and m > 2 and list(rows) == [n - 1] and list(cols) == [m - 1]
    if dustbin and _equal(problem.row, problem.row[0]) and _equal(problem.col, problem.col[0]):
        return (
            f"the last row and column look like a dustbin (all {cost[-1, -1]:.4g}) with the mass "
            "of a single point: give it the mass of the other side with --marginals"
        )
    if dustbin:
        return ""
    words = []
    for side, found in (("row", rows), ("column", cols)):
        if len(found):
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            words.append(f"{side} {found[0]}{more}")
    if not words:
        return ""
    return (
        f"all entries are equal in {' and in '.join(words)}: if that is padding, cut it off; "
        "a constant row or column has no preference"
    )


def _eps_words(problem: Problem, temperatures: Temperatures) -> dict[str, str]:
    """Temperatures that are absurd for the costs' range: the coldest and the hottest."""
    try:
        given = temperatures.given([problem])
    except InputError:
        # The unit is not positive on this matrix: it is refused, or a batch's mean is taken.
        return {}
    if not given:
        return {}
    span, words = problem.cost_range, {}
    remedy = "--eps-unit range" if temperatures.unit == "none" else "no --eps-unit, or another"
    for rule, eps in (("cold", min(given)), ("hot", max(given))):
        if (eps / span < COLDEST) if rule == "cold" else (eps / span > HOTTEST):
            side = "below" if rule == "cold" else "above"
            words[rule] = (
                f"eps = {eps:.3g} is {eps / span:.2g} of the costs' range ({span:.3g}), {side} "
                f"what any layer uses: if it was meant otherwise, give {remedy}"
            )
    return words


def _is_correlation(cost: FloatArray) -> bool:
    inside = -1.0 - _SUM_TOL <= cost.min() < cost.max() <= 1.0 + _SUM_TOL
    return bool(inside and _equal(np.diagonal(cost), 1.0))


def _is_flat(cost: FloatArray) -> bool:
    finite = cost[np.isfinite(cost)]
    return bool(finite.max() == finite.min())


def _constant(cost: FloatArray) -> AnyArray:
    """The rows of at least two finite entries, all equal."""
    open_pairs = np.isfinite(cost)
    high = np.where(open_pairs, cost, -np.inf).max(axis=1)
    low = np.where(open_pairs, cost, np.inf).min(axis=1)
    return np.flatnonzero((high == low) & (open_pairs.sum(axis=1) > 1))


def _equal(values: FloatArray, wanted: float) -> bool:
    return bool(np.all(np.abs(values - wanted) <= _SUM_TOL * abs(wanted)))


def _chance(hits: int, size: int) -> float:
    """That at least so many of the rows have their largest entry on the diagonal."""
    return float(scipy.special.bdtrc(hits - 1, size, 1.0 / size)) if hits else 1.0
