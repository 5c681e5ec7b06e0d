"""What arXiv 2408.11620 states about annealed Sinkhorn, judged on runs on the user's own matrix.

With beta_t = beta_0 t^kappa one sweep a step: annealing solves transport iff beta -> inf and its
increments -> 0; it has an entropic error Θ(1/beta) and a relaxation error Θ(beta_t - beta_{t-1});
its row error falls like t^(kappa - 1); its best exponent is 1/2, and debiasing admits a larger one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.claims.claim import AnnealingKey, Claim, Statement, Trend, held_in
from sinkdiag.claims.power_law import SLOPE_TOL
from sinkdiag.claims.slopes import fit, longest_run, smooth, wide

SOURCE = "arXiv 2408.11620"
# Row errors are sums over all rows: their slopes are smooth, and held to this.
ROW_TOL = 0.05
# How far a best exponent on a grid may lie from 1/2, and by how much debiasing must raise it.
EXPONENT_TOL, RAISED = 0.1, 0.05
# An error whose log-log slope in the step is above this does not fall.
FLAT = -0.1
# An iterate follows the path where it is nearer to it than to the fixed point by this factor.
NEARER = 0.5

SOLVES = Statement(
    key=AnnealingKey.SOLVES_TRANSPORT,
    claim="annealing solves transport iff beta -> inf and its increments -> 0",
    source=SOURCE,
)
ENTROPIC = Statement(
    key=AnnealingKey.ENTROPIC_ERROR, claim="entropic error = Θ(1/beta)", source=SOURCE
)
RELAXATION = Statement(
    key=AnnealingKey.RELAXATION_ERROR,
    claim="relaxation error = Θ(beta_t - beta_{t-1})",
    source=SOURCE,
)
ROW = Statement(
    key=AnnealingKey.ROW_ERROR, claim="row error falls like t^(kappa - 1)", source=SOURCE
)
BEST = Statement(
    key=AnnealingKey.BEST_EXPONENT, claim="the best exponent of annealing is 1/2", source=SOURCE
)
DEBIASED = Statement(
    key=AnnealingKey.DEBIASED_EXPONENT,
    claim="debiasing admits faster annealing, and errs less",
    source=SOURCE,
)
PATH = Statement(
    key=AnnealingKey.REGULARISATION_PATH,
    claim="iterates follow the regularisation path",
    source=SOURCE,
)
STATEMENTS = (SOLVES, ENTROPIC, RELAXATION, ROW, BEST, DEBIASED, PATH)


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnealedCurve:
    """Annealed Sinkhorn with one exponent, at some of its steps t (k,), over the last decade.

    ``eps`` = 1/beta_{t+1} and ``increment`` beta_{t+1} - beta_t (cost units and their inverse),
    ``row_error`` Σ|P1 - r|/N, ``suboptimality`` in cost units times mass.
    """

    kappa: float
    t: FloatArray
    eps: FloatArray
    increment: FloatArray
    row_error: FloatArray
    suboptimality: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnealedEvidence:
    """What was measured on one matrix.

    Attributes
    ----------
    curves:
        Runs with several exponents, 1 among them.
    constant:
        The same at the constant inverse temperature beta_0 (exponent 0).
    kappas, annealed, debiased:
        Exponents (j,), and the suboptimality of both algorithms after ``short`` steps.
    short:
        Those steps.
    eps, entropic:
        Temperatures (k,), warmest first, and the suboptimality of their fixed points.
    path_t, to_path, to_fixed:
        Steps of annealing with exponent 1/2, and the TV of its plans from the regularisation path
        and from the fixed point at the same temperature; nan where one was not found.
    """

    curves: tuple[AnnealedCurve, ...]
    constant: AnnealedCurve
    kappas: FloatArray
    annealed: FloatArray
    debiased: FloatArray
    short: int
    eps: FloatArray
    entropic: FloatArray
    path_t: tuple[int, ...]
    to_path: FloatArray
    to_fixed: FloatArray


def judge_annealed(evidence: AnnealedEvidence) -> tuple[Claim, ...]:
    """Every statement, in the order of `STATEMENTS`."""
    if not np.isfinite(evidence.annealed).all():
        unknown = "no optimum to compare with"
        errors = [statement.undecided(unknown) for statement in (SOLVES, ENTROPIC, RELAXATION)]
        best = [statement.undecided(unknown) for statement in (BEST, DEBIASED)]
        return (*errors, _judge_rows(evidence), *best, _judge_path(evidence))
    return (
        _judge_solves(evidence),
        _judge_entropic(evidence),
        _judge_relaxation(evidence),
        _judge_rows(evidence),
        _judge_best(evidence),
        _judge_debiased(evidence),
        _judge_path(evidence),
    )


def _slope(x: FloatArray, y: FloatArray) -> float:
    """Log-log slope of what is above 0; -inf where the last value is 0: it has fallen away."""
    if y[-1] <= 0.0:
        return -math.inf
    known = y > 0.0
    return fit(np.log(x[known]), np.log(y[known])) if known.sum() > 1 else math.nan


def _judge_solves(evidence: AnnealedEvidence) -> Claim:
    falls = [(curve.kappa, _slope(curve.t, curve.suboptimality)) for curve in evidence.curves]
    falls.append((0.0, _slope(evidence.constant.t, evidence.constant.suboptimality)))
    right = all((slope < FLAT) == (0.0 < kappa < 1.0) for kappa, slope in falls)
    told = ", ".join(f"{slope:.2f} at kappa = {kappa:.3g}" for kappa, slope in sorted(falls))
    sentence = (
        f"over the last decade of {evidence.curves[0].t[-1]:.0f} steps the error falls with the "
        f"slope {told} (0: beta stays; 1: its increments stay; there it must not fall)"
    )
    return SOLVES.judged("holds" if right else "fails", sentence)


def _judge_entropic(evidence: AnnealedEvidence) -> Claim:
    known = evidence.entropic > 0.0
    x, y = np.log(evidence.eps[known]), np.log(evidence.entropic[known])
    if len(x) < 3 or not wide(x):
        return ENTROPIC.undecided("fewer than three errors, or less than half a decade, above 0")
    line = smooth(x, y)
    run = longest_run(np.abs(line.slope - 1.0) <= SLOPE_TOL, line.x)
    if run is None:
        trend = line.trend()
        return ENTROPIC.judged(
            "fails",
            f"the slope of the error in eps runs from {trend.low:.2f} to {trend.high:.2f}",
            trend=trend,
        )
    first, last = run
    window = math.exp(line.x[last]), math.exp(line.x[first])
    whole = last == len(line.x) - 1 and bool(known[-1])
    below = "it lasts to the coldest" if whole else "below it the error falls faster or is lost"
    return ENTROPIC.judged(
        held_in(window),
        f"the error of the fixed points is proportional to eps there; {below} (of a finite matrix "
        "with one optimum it falls like exp(-gap of costs/eps) in the end)",
        trend=line.trend(first, last),
        window=window,
    )


def _judge_relaxation(evidence: AnnealedEvidence) -> Claim:
    """On the fastest run whose increments still fall: there the relaxation error rules."""
    curve = max((each for each in evidence.curves if each.kappa < 1.0), key=lambda c: c.kappa)
    slope = _slope(curve.increment, curve.suboptimality)
    holds = abs(slope - 1.0) <= SLOPE_TOL
    return RELAXATION.judged(
        "holds" if holds else "fails",
        f"with kappa = {curve.kappa:.3g} the error goes with the increment to the power "
        f"{slope:.2f} over the last decade of {curve.t[-1]:.0f} steps",
        trend=Trend(slope=slope, low=slope, high=slope),
    )


def _judge_rows(evidence: AnnealedEvidence) -> Claim:
    found = [
        (curve.kappa, _slope(curve.t, curve.row_error))
        for curve in evidence.curves
        if curve.kappa < 1.0
    ]
    holds = all(abs(slope - (kappa - 1.0)) <= ROW_TOL for kappa, slope in found)
    told = ", ".join(f"{slope:.3f} at kappa = {kappa:.3g}" for kappa, slope in found)
    return ROW.judged(
        "holds" if holds else "fails",
        f"slopes over the last decade: {told} (within {ROW_TOL:g} counts as holding)",
    )


def _best(kappas: FloatArray, errors: FloatArray) -> tuple[float, float]:
    place = int(np.argmin(errors))
    return float(kappas[place]), float(errors[place])


def _judge_best(evidence: AnnealedEvidence) -> Claim:
    kappa, error = _best(evidence.kappas, evidence.annealed)
    return BEST.judged(
        "holds" if abs(kappa - 0.5) <= EXPONENT_TOL + 1e-9 else "fails",
        f"after {evidence.short} steps the error is least, {error:.3g}, at kappa = {kappa:.3g}",
    )


def _judge_debiased(evidence: AnnealedEvidence) -> Claim:
    plain, error = _best(evidence.kappas, evidence.annealed)
    kappa, less = _best(evidence.kappas, evidence.debiased)
    holds = kappa >= plain + RAISED - 1e-9 and less < error
    return DEBIASED.judged(
        "holds" if holds else "fails",
        f"after {evidence.short} steps its least error is {less:.3g} at kappa = {kappa:.3g}, "
        f"annealing's {error:.3g} at {plain:.3g}",
    )


def _judge_path(evidence: AnnealedEvidence) -> Claim:
    known = np.isfinite(evidence.to_path) & np.isfinite(evidence.to_fixed)
    if not known.any():
        return PATH.undecided("no point of the path was found")
    near, far = evidence.to_path[known], evidence.to_fixed[known]
    told = "; ".join(
        f"{a:.2g} and {b:.2g} at step {t}"
        for a, b, t in zip(near, far, np.array(evidence.path_t)[known], strict=True)
    )
    return PATH.judged(
        "holds" if near[-1] <= NEARER * far[-1] else "fails",
        f"with kappa = 1/2 the plan's TV from the path and from the fixed point is {told}",
    )


def undecided(statements: Sequence[Statement], sentence: str) -> tuple[Claim, ...]:
    """All of them, for one reason."""
    return tuple(statement.undecided(sentence) for statement in statements)
