"""The paper's claims, each judged on the curve measured on the user's own matrix.

A power law holds where the local log-log slope stays within 0.15 of the claimed one over at least
half a decade. A claim about eps -> 0 is called ``holds`` only if such a window reaches the coldest
temperature, the active support no longer changes there, and that support lets the law go on;
otherwise ``holds in [lo, hi]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import BoolArray, FloatArray
from sinkdiag.claims.power_law import (
    HALF_DECADE,
    SLOPE_TOL,
    Claim,
    Curve,
    Law,
    fit,
    judge_law,
    runs,
    shape,
)
from sinkdiag.derivatives.response import Response

# Sweeps a step of the layer for which the freeze temperature is given.
LAYER_SWEEPS = 20
# Two sides of an identity that agree this well are not told apart.
_EQUAL = 1e-6


@dataclass(frozen=True)
class Freeze:
    """How the gap closes.

    Attributes
    ----------
    matrix:
        Whose gap.
    delta, delta_low, delta_high:
        Δ of gap ~ exp(-Δ/eps), cost units: least squares over the coldest half decade, and the
        range between neighbouring temperatures there; nan where the gap does not freeze.
    eps_freeze:
        Largest measured temperature at which 20 sweeps reduce the error by less than a factor 10;
        nan if there is none.
    iters:
        Those 20.
    """

    matrix: str
    delta: float
    delta_low: float
    delta_high: float
    eps_freeze: float
    iters: int = LAYER_SWEEPS


@dataclass(frozen=True, eq=False)
class Verdicts:
    """All that is judged on one matrix, or on one batch, with the curve it was judged on."""

    name: str
    curve: Curve
    claims: tuple[Claim, ...]
    freeze: Freeze


def verdicts_of(name: str, curves: Sequence[Sequence[Response]]) -> Verdicts:
    """Judge the mean curve of a batch, or the one curve of a matrix."""
    curve = curve_of(curves)
    return Verdicts(name, curve, judge(curve), freeze_law(curve, name))


def curve_of(curves: Sequence[Sequence[Response]]) -> Curve:
    """The curve of one matrix from its responses in descending eps, or the mean of a batch.

    Of a batch the worst support counts: most components, fewest cycles.
    """

    def mean(read: Callable[[Response], float]) -> FloatArray:
        return np.array([[read(r) for r in curve] for curve in curves]).mean(axis=0)

    last = [curve[-1].lasting for curve in curves]
    return Curve(
        eps=np.array([r.eps for r in curves[0]]),
        op_norm=mean(lambda r: r.op_norm),
        dS_de=mean(lambda r: r.dS_de_norm),
        K2=mean(lambda r: r.cubic.value),
        gap=mean(lambda r: r.gap),
        duality=mean(lambda r: r.duality),
        components=tuple(
            max(curve[k].support.components for curve in curves) for k in range(len(curves[0]))
        ),
        limit_components=max(lasting.components for lasting in last),
        limit_cycles=min(lasting.cycles for lasting in last),
        settled=all(lasting.whole for lasting in last),
    )


def judge(curve: Curve) -> tuple[Claim, ...]:
    """Every claim of the paper that the curve can decide, in the order of the paper's argument."""
    laws = [judge_law(curve, law) for law in _laws(curve)]
    return (*laws, _collapse(curve), _gauges(curve), _duality(curve))


def freeze_law(curve: Curve, name: str = "cost") -> Freeze:
    """Δ of the exponential law, where the gap closes exponentially, and the freeze temperature."""
    frozen = np.flatnonzero((1 - curve.gap) ** LAYER_SWEEPS > 0.1)
    eps_freeze = float(curve.eps[frozen[0]]) if len(frozen) else math.nan
    known = np.isfinite(curve.gap) & (curve.gap > 0)
    if curve.limit_components == 1 or known.sum() < 2:
        return Freeze(name, math.nan, math.nan, math.nan, eps_freeze)
    eps, gap = curve.eps[known], curve.gap[known]
    cold = max(2, int(np.count_nonzero(eps <= eps[-1] * math.exp(HALF_DECADE) * (1 + 1e-9))))
    x, y = 1 / eps[-cold:], np.log(gap[-cold:])
    local = -np.diff(y) / np.diff(x)
    return Freeze(name, -fit(x, y), float(local.min()), float(local.max()), eps_freeze)


def _laws(curve: Curve) -> list[Law]:
    loops, connected = curve.limit_cycles > 0, curve.limit_components == 1
    radius = _radius(curve)
    rise, rate = _rise_cause(curve), _gap_cause(curve)
    moves = (
        f"{shape(curve)}, and a cycle keeps eps·‖DS‖ from falling"
        if loops
        else f"{shape(curve)}, so eps·‖DS‖ falls to 0"
    )
    return [
        Law("‖DS‖ = Θ(1/eps)", "Lemma A.7", "‖DS‖", curve.op_norm, -1, False, loops, moves),
        Law("‖dP/deps‖ = Θ(1/eps)", "Lemma A.10", "‖dP/deps‖", curve.dS_de, -1, False, False, rise),
        Law("gap = Θ(eps)", "Props. 2.1, 3.1", "the gap", curve.gap, 1, False, False, rate),
        Law(
            "‖(I-J)^{-1}‖ = Θ(1/eps)",
            "Prop. 3.1",
            "the resolvent norm (natural norm, 1/gap)",
            _ratio(np.ones_like(curve.gap), curve.gap),
            -1,
            False,
            False,
            rate,
        ),
        Law(
            "‖D²S‖ <= K/eps²",
            "Lemma A.9",
            "eps²·‖D²S‖",
            curve.K2,
            0,
            True,
            True,
            "measured as a lower estimate, so that K may be larger",
        ),
        Law(
            "R(eps) = O(eps)",
            "Lemma A.3",
            "R",
            radius,
            1,
            True,
            not loops,
            f"{shape(curve)}, and with a cycle R tends to a constant"
            if loops
            else f"{shape(curve)}, so R falls with the mass off it, and is nearly constant before",
        ),
        Law(
            "drift = O(1) under exponential cooling",
            "Table 2",
            "eps·‖dP/deps‖",
            curve.eps * curve.dS_de,
            0,
            True,
            True,
            rise,
        ),
        Law(
            "admissible step = Θ(eps²)",
            "Thm. 3.2",
            "gap·R/‖dP/deps‖",
            _ratio(curve.gap * radius, curve.dS_de),
            2,
            False,
            False,
            rate if not connected else rise,
        ),
    ]


def _radius(curve: Curve) -> FloatArray:
    """R = 2 C0²/K2."""
    return _ratio(2 * (curve.eps * curve.op_norm) ** 2, curve.K2)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """The quotient, nan where the divisor is 0 or not resolved."""
    safe = bottom > 0
    return np.where(safe, top / np.where(safe, bottom, 1.0), math.nan)


def _rise_cause(curve: Curve) -> str:
    return (
        f"{shape(curve)}, and the plan tends to a limit exponentially fast, so eps·‖dP/deps‖ "
        "falls to 0"
    )


def _gap_cause(curve: Curve) -> str:
    if curve.limit_components > 1:
        law = freeze_law(curve)
        fitted = f" with Δ = {law.delta:.4g}" if math.isfinite(law.delta) else ""
        return f"{shape(curve)}, so the gap falls like exp(-Δ/eps){fitted}"
    return (
        f"{shape(curve)}: while the support stays connected the gap tends to a constant, "
        f"{curve.gap[-1]:.3g} at the coldest temperature"
    )


def _collapse(curve: Curve) -> Claim:
    """Cor. 3.3: the share by which a step may cool, gap·R/(eps·‖dP/deps‖), falls to 0."""
    claim, source = "exponential cooling collapses in the end", "Cor. 3.3"
    share = _ratio(curve.gap * _radius(curve), curve.eps * curve.dS_de)
    known = np.isfinite(share) & (share > 0)
    x, y = np.log(curve.eps[known]), np.log(share[known])
    nan = math.nan
    if len(x) < 2 or x[0] - x[-1] < HALF_DECADE * (1 - 1e-9):
        sentence = "less than half a decade of temperatures was resolved"
        return Claim(claim, source, "cannot tell", nan, nan, nan, None, sentence)
    cold = x <= x[-1] + HALF_DECADE * (1 + 1e-9)
    x, y = x[cold], y[cold]
    if len(x) < 2:
        sentence = "the coldest half decade holds one temperature only"
        return Claim(claim, source, "cannot tell", nan, nan, nan, None, sentence)
    local = np.diff(y) / np.diff(x)
    slope, low, high = fit(x, y), float(local.min()), float(local.max())
    now = (
        "one sweep a step can follow a cooling step by a share of "
        f"{math.exp(y[-1]):.3g} at eps = {math.exp(x[-1]):.3g}"
    )
    if low > SLOPE_TOL:
        verdict, cause = "holds", f"and that falls with eps: {shape(curve)}"
    elif max(abs(low), abs(high)) <= SLOPE_TOL:
        verdict, cause = "fails", f"and that does not fall: {shape(curve)}"
    else:
        verdict, cause = "cannot tell", f"with no steady trend yet: {shape(curve)}"
    return Claim(claim, source, verdict, slope, low, high, None, f"{now}, {cause}")


def _gauges(curve: Curve) -> Claim:
    """Lemma A.5: A_S is invertible once two global gauges are fixed."""
    one = np.array([count == 1 for count in curve.components])
    parts = curve.components[-1]
    need = f"support has {parts} component{'s' if parts > 1 else ''}"
    extra = "one gauge for each is needed, where the paper fixes two global ones"
    return _pointwise(
        "A_S is invertible on the active subspace",
        "Lemma A.5",
        curve.eps,
        one,
        f"{need}; {extra}"
        + ("" if parts > 1 else ", one more than needed, which leaves a direction out"),
    )


def _duality(curve: Curve) -> Claim:
    """Theorem A.2: gap <= ‖∂_CΦ‖/‖DS_θ‖."""
    known = np.isfinite(curve.gap) & np.isfinite(curve.duality)
    if not known.any():
        nan = math.nan
        sentence = "neither side was resolved"
        return Claim(
            "gap <= ‖∂_CΦ‖/‖DS_θ‖", "Thm. A.2", "cannot tell", nan, nan, nan, None, sentence
        )
    gap, bound = curve.gap[known], curve.duality[known]
    loosest = float((bound / gap).max())
    return _pointwise(
        "gap <= ‖∂_CΦ‖/‖DS_θ‖",
        "Thm. A.2",
        curve.eps[known],
        gap <= bound * (1 + _EQUAL),
        f"in the natural norm the right side is up to {loosest:.3g} times the gap; the paper's "
        "proof chains two inequalities the wrong way, and in the potential norm the claim can fail",
    )


def _pointwise(claim: str, source: str, eps: FloatArray, true: BoolArray, sentence: str) -> Claim:
    """A statement about single temperatures: where it is true."""
    nan = math.nan
    if true.all():
        window: tuple[float, float] | None = (float(eps[-1]), float(eps[0]))
        verdict = "holds"
    elif not true.any():
        window, verdict = None, "fails"
    else:
        first, last = max(runs(true), key=lambda run: (run[1] - run[0], run[1]))
        window = (float(eps[last - 1]), float(eps[first]))
        verdict = f"holds in [{window[0]:.3g}, {window[1]:.3g}]"
    return Claim(claim, source, verdict, nan, nan, nan, window, sentence)
