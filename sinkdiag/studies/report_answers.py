"""The answers of ``report`` about a layer: input, temperature, sweeps, arithmetic, gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sinkdiag.problem import Problem
from sinkdiag.solver.truncation import RIGHT, searched_iters
from sinkdiag.studies.check_point import FROZEN
from sinkdiag.studies.check_row import CheckRow
from sinkdiag.studies.report_row import ReportRow, Verdict
from sinkdiag.studies.report_window import Arithmetic, Window

# Rounding of a plan that is worth no word.
_SMALL = 1e-4
_FLAT = "the plan is uniform at every temperature, these costs do not tell pairs apart"


def row_of(
    topic: str, section: str, verdict: Verdict, answer: str, *, value: float, eps: float
) -> ReportRow:
    """One answer."""
    return ReportRow(
        topic=topic, verdict=verdict, value=value, eps=eps, section=section, answer=answer
    )


def layer_answers(
    problem: Problem,
    row: CheckRow,
    window: Window,
    arithmetic: Mapping[str, Arithmetic],
    suspicions: Sequence[str],
) -> Iterator[ReportRow]:
    """What ``check``, the window and three arithmetics say, question by question."""
    yield _input(problem, suspicions)
    yield _temperature(problem, row, window)
    yield _sweeps(problem, row)
    for dtype, errors in arithmetic.items():
        yield _dtype(dtype, errors, row)
    yield _gradient(row, window)


def _input(problem: Problem, suspicions: Sequence[str]) -> ReportRow:
    finite = problem.cost[np.isfinite(problem.cost)]
    n, m = problem.cost.shape
    forbidden = problem.cost.size - finite.size
    beside = f", {forbidden} forbidden pair{'s' if forbidden > 1 else ''}" if forbidden else ""
    shape = (
        f"{n}×{m} costs from {finite.min():.4g} to {finite.max():.4g}{beside} (mean "
        f"{finite.mean():.4g}, standard deviation {finite.std():.4g})"
    )
    answer = (
        f"{shape}; {'; '.join(suspicions)}"
        if suspicions
        else f"{shape}: nothing suspicious about their sign, scale, rows or masses"
    )
    return row_of(
        "input", "check", "act" if suspicions else "ok", answer, value=math.nan, eps=math.nan
    )


def _temperature(problem: Problem, row: CheckRow, window: Window) -> ReportRow:
    if window.flat:
        answer = f"none matters: {_FLAT}"
        return row_of("temperature", "check", "unknown", answer, value=math.nan, eps=row.eps)
    low, high, eps = window.low, window.high, row.eps
    wanted = window.nearest(eps)
    if window.soft <= eps < low and row.tv <= RIGHT:
        answer = (
            f"{_span(problem, window, row)}; eps = {eps:.3g} lies below, where K = {row.iters} "
            "happens to be right again"
        )
        return row_of("temperature", "check", "ok", answer, value=eps, eps=eps)
    if math.isnan(wanted):
        answer = (
            f"no temperature is sane for K = {row.iters}: where its sweeps are right the plan "
            "knows no costs, or is settled; run more sweeps"
        )
        return row_of("temperature", "check", "act", answer, value=math.nan, eps=eps)
    answer = f"{_span(problem, window, row)}; {_place(eps, low, high)}"
    verdict: Verdict = "ok" if wanted == eps else "act"
    return row_of("temperature", "check", verdict, answer, value=wanted, eps=eps)


def _span(problem: Problem, window: Window, row: CheckRow) -> str:
    """From where to where, why, and in which units."""
    finite = problem.cost[np.isfinite(problem.cost)]
    units = [("of the costs' range", problem.cost_range), ("of their std", float(finite.std()))]
    why = (
        f"below, K = {row.iters} sweeps are wrong by over 1 % of the mass"
        if window.low == window.right
        else "below, 90 % of the mass is settled and passes no gradient"
    )
    ends = [window.low] if math.isinf(window.high) else [window.low, window.high]
    in_units = [
        f"{' to '.join(f'{end / size:.2g}' for end in ends)} {name} ({size:.3g})"
        for name, size in units
        if size > 0.0
    ]
    if len(ends) == 1:
        return f"sane from eps = {window.low:.3g} up ({why}): {', '.join(in_units)}"
    return (
        f"sane from eps = {window.low:.3g} ({why}) to {window.high:.3g} (above, the plan is "
        f"uniform to 1 %) in cost units: {', '.join(in_units)}"
    )


def _place(eps: float, low: float, high: float) -> str:
    if eps < low:
        return f"eps = {eps:.3g} is too cold: raise it to {low:.3g}"
    if eps > high:
        return f"eps = {eps:.3g} is too hot: lower it below {high:.3g}"
    return f"eps = {eps:.3g} is inside"


def _sweeps(problem: Problem, row: CheckRow) -> ReportRow:
    start = "zero" if row.start == "cold" else "carried potentials"
    head = f"K = {row.iters} from {start}"
    if math.isnan(row.tv):
        answer = f"the fixed point was not found ({row.status}): {row.status.remedy}"
        return row_of("sweeps", "check", "unknown", answer, value=math.nan, eps=row.eps)
    wrong = f"leaves {share(row.tv)} of the mass in the wrong place"
    margin = f"marginals off by {share(row.marginal_error)}"
    if row.tv <= RIGHT:
        least = "" if math.isnan(row.iters_needed) else f"; K = {row.iters_needed:.0f} would do"
        answer = f"{head} is enough: it {wrong}, {margin}{least}"
        return row_of("sweeps", "check", "ok", answer, value=row.iters_needed, eps=row.eps)
    help_ = (
        f"over {searched_iters(problem):,} are needed: raise eps, or differentiate the fixed point "
        "implicitly"
        if math.isnan(row.iters_needed)
        else f"K = {row.iters_needed:.0f} are needed"
    )
    carried = "" if row.start == "warm" else ", or carry the potentials from call to call"
    answer = f"{head} is not enough: it {wrong}, {margin}; {help_}{carried}"
    return row_of("sweeps", "check", "act", answer, value=row.iters_needed, eps=row.eps)


def _dtype(dtype: str, errors: Arithmetic, row: CheckRow) -> ReportRow:
    rough, plain = errors.log_domain, errors.normalised
    if math.isinf(rough):
        answer = (
            "overflows: costs, C/eps or the plan are no numbers; scale costs and eps, subtract the "
            "costs' minimum, or use a dtype of wider range"
        )
        return row_of(dtype, "check", "act", answer, value=rough, eps=row.eps)
    bad = rough > RIGHT
    told = share(rough) if rough > _SMALL else f"less than {share(_SMALL)}"
    moved = f"logsumexp sweeps move {told} of the mass"
    remedy = ": use a wider dtype, or raise eps" if bad else ""
    if math.isinf(plain):
        rest = "; exp(-C/eps) divided by its sums underflows to no numbers: keep logsumexp"
    elif plain > RIGHT and row.start == "cold":
        rest = f"; exp(-C/eps) divided by its sums moves {share(plain)}: keep logsumexp"
    else:
        rest = "; neither way of writing the layer over- or underflows" if not bad else ""
    return row_of(
        dtype, "check", "act" if bad else "ok", f"{moved}{remedy}{rest}", value=rough, eps=row.eps
    )


def _gradient(row: CheckRow, window: Window) -> ReportRow:
    gain = row.gradient_gain
    told = "" if math.isnan(gain) else f" (‖dP/dC‖ = {gain:.3g})"
    settled = f"{share(row.saturation)} of the mass is settled"
    verdict: Verdict = "act"
    if window.flat:
        verdict, answer = "unknown", f"{_FLAT}{told}"
    elif row.uniformity <= RIGHT:
        lower = "" if math.isnan(window.uniform) else f" below {window.uniform:.3g}"
        answer = (
            f"as good as dead because the plan is uniform, {share(row.uniformity)} from the one "
            f"that knows no costs{told}: lower the temperature{lower}"
        )
    elif row.saturation >= FROZEN or row.verdict == "frozen":
        up = window.soft if window.soft > row.eps else row.eps_soft
        higher = f" to {up:.3g} or more" if up > row.eps else ""
        answer = f"dead because saturated, {settled}{told}: raise the temperature{higher}"
    else:
        verdict, answer = "ok", f"alive: {settled}, neither saturated nor uniform{told}"
    return row_of("gradient", "check", verdict, answer, value=gain, eps=row.eps)


def share(value: float) -> str:
    """A share in per cent, to two or three digits."""
    if not math.isfinite(value):
        return f"{value}"
    if 0.0 < value < 1e-6:
        return "less than 0.0001 %"
    return f"{100.0 * value:.0f} %" if value >= 0.095 else f"{100.0 * value:.3g} %"
