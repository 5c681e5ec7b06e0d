"""Power laws judged on a measured curve: where the local log-log slope is the claimed one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray

SLOPE_TOL = 0.15
HALF_DECADE = 0.5 * math.log(10.0)
# Intervals a half decade without which a departure of the slope can hide between neighbours.
DENSITY = 4


@dataclass(frozen=True, eq=False)
class Curve:
    """What was measured on one matrix, temperatures in descending order.

    Attributes
    ----------
    eps, op_norm, dS_de, K2, gap:
        As in `sensitivity`; nan where a value was not resolved. K2 = eps²·‖D²S‖.
    duality:
        The right-hand side of Theorem A.2 in the natural norm.
    components:
        Of the active support at each temperature.
    limit_components, limit_cycles:
        Of the pairs of the coldest support that are not on their way out.
    settled:
        Whether those are all of it: then it is taken for the support of the limit eps -> 0.
    """

    eps: FloatArray
    op_norm: FloatArray
    dS_de: FloatArray  # noqa: N815 - the paper's name
    K2: FloatArray
    gap: FloatArray
    duality: FloatArray
    components: tuple[int, ...]
    limit_components: int
    limit_cycles: int
    settled: bool


@dataclass(frozen=True)
class Claim:
    """A verdict.

    Attributes
    ----------
    claim, source:
        What is claimed, and where.
    verdict:
        ``holds``, ``holds in [lo, hi]``, ``fails`` or ``cannot tell``.
    slope, slope_low, slope_high:
        Least-squares log-log slope over the window, or without one over everything that was
        resolved, and the smallest and largest local slope there; nan where no power law is claimed.
    window:
        Temperatures (lo, hi) in which the claim holds, or None.
    sentence:
        The cause in plain words.
    """

    claim: str
    source: str
    verdict: str
    slope: float
    slope_low: float
    slope_high: float
    window: tuple[float, float] | None
    sentence: str


@dataclass(frozen=True)
class Law:
    """A claimed power law of one quantity.

    ``bound``: only an upper bound O(eps^slope), which a faster fall satisfies too. ``lasts``:
    whether the limit support lets it go on to eps -> 0.
    """

    claim: str
    source: str
    name: str
    values: FloatArray
    slope: float
    bound: bool
    lasts: bool
    cause: str


def judge_law(curve: Curve, law: Law) -> Claim:
    """Look for the longest window in which the local slope stays within 0.15 of the claim."""
    known = np.isfinite(law.values) & (law.values > 0)
    x, y = np.log(curve.eps[known]), np.log(law.values[known])
    if len(x) < 3 or x[0] - x[-1] < HALF_DECADE * (1 - 1e-9):
        nan = math.nan
        sentence = "fewer than three temperatures, or less than half a decade, were resolved"
        return Claim(law.claim, law.source, "cannot tell", nan, nan, nan, None, sentence)
    local = np.diff(y) / np.diff(x)
    if law.bound and law.lasts and known[-1]:
        return _judge_bound(law, x, y, local)
    if float(np.median(x[:-1] - x[1:])) > HALF_DECADE / DENSITY * (1 + 1e-9):
        return _too_coarse(law, x, y, local)
    near = local >= law.slope - SLOPE_TOL
    if not law.bound:
        near &= local <= law.slope + SLOPE_TOL
    run = longest_run(near, x)
    if run is None:
        slope, low, high = fit(x, y), float(local.min()), float(local.max())
        sentence = f"the slope of {law.name} runs from {low:.2f} to {high:.2f}: {law.cause}"
        return Claim(law.claim, law.source, "fails", slope, low, high, None, sentence)
    first, last = run
    inside = local[first:last]
    window = float(math.exp(x[last])), float(math.exp(x[first]))
    at_end = last == len(x) - 1 and bool(known[-1])
    whole = at_end and law.lasts and (law.bound or curve.settled)
    verdict = "holds" if whole else f"holds in [{window[0]:.3g}, {window[1]:.3g}]"
    return Claim(
        law.claim,
        law.source,
        verdict,
        fit(x[first : last + 1], y[first : last + 1]),
        float(inside.min()),
        float(inside.max()),
        window,
        _sentence(curve, law, at_end=at_end),
    )


def _too_coarse(law: Law, x: FloatArray, y: FloatArray, local: FloatArray) -> Claim:
    low, high = float(local.min()), float(local.max())
    sentence = (
        f"the temperatures are too far apart to judge local slopes ({DENSITY} steps or more a half "
        f"decade are needed); between these the slope of {law.name} runs from {low:.2f} to "
        f"{high:.2f}: {law.cause}"
    )
    return Claim(law.claim, law.source, "cannot tell", fit(x, y), low, high, None, sentence)


def _judge_bound(law: Law, x: FloatArray, y: FloatArray, local: FloatArray) -> Claim:
    """O(eps^slope): the constant exists unless the quotient still grows over the last half decade.

    The trend decides, not every local slope: an upper bound leaves room for ups and downs.
    """
    cold = x <= x[-1] + HALF_DECADE * (1 + 1e-9)
    if cold.sum() < 3:
        return _too_coarse(law, x, y, local)
    slope = fit(x[cold], y[cold])
    inside = local[len(local) - int(cold.sum()) + 1 :]
    quotient = np.exp(y - law.slope * x)
    worst = int(np.argmax(quotient))
    largest = f"at most {quotient[worst]:.3g}, at eps = {math.exp(x[worst]):.3g}"
    ends = float(inside.min()), float(inside.max())
    if slope >= law.slope - SLOPE_TOL:
        window = float(math.exp(x[-1])), float(math.exp(x[0]))
        over = law.name if law.slope == 0 else f"{law.name} over eps^{law.slope:g}"
        sentence = f"{over} is {largest}, and does not grow towards the coldest: {law.cause}"
        return Claim(law.claim, law.source, "holds", slope, *ends, window, sentence)
    sentence = f"{law.name} still grows against the bound at the coldest temperatures ({largest})"
    return Claim(law.claim, law.source, "fails", slope, *ends, None, sentence)


def _sentence(curve: Curve, law: Law, *, at_end: bool) -> str:
    if not at_end:
        return f"below that window {law.cause}"
    if law.lasts and (law.bound or curve.settled):
        return f"{law.name} keeps the law down to the coldest temperature: {law.cause}"
    if curve.settled:
        return f"it cannot last: {law.cause}"
    return (
        f"{law.name} keeps the law down to the coldest temperature, but the support still changes "
        f"there ({shape(curve)}): lower temperatures may differ"
    )


def shape(curve: Curve) -> str:
    """The coldest support in words."""
    parts, loops = curve.limit_components, curve.limit_cycles
    if parts == 1 and loops == 0:
        return "the limit support is a tree"
    if loops == 0:
        return f"the limit support has {parts} components and no cycle"
    noun = "component" if parts == 1 else "components"
    loop = "cycle" if loops == 1 else "cycles"
    return f"the limit support has {parts} {noun} and {loops} independent {loop}"


def longest_run(near: BoolArray, x: FloatArray) -> tuple[int, int] | None:
    """(first, last) points of the widest run of intervals of at least half a decade, or None."""
    wide = [
        (first, last)
        for first, last in runs(near)
        if x[first] - x[last] >= HALF_DECADE * (1 - 1e-9) and last - first >= 2
    ]
    return max(wide, key=lambda run: float(x[run[0]] - x[run[1]]), default=None)


def runs(true: BoolArray) -> list[tuple[int, int]]:
    """[first, last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(true, dtype=int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def fit(x: FloatArray, y: FloatArray) -> float:
    """Least-squares slope of y on x."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
