"""The answers of ``report`` from whole studies: Jacobian, derivatives, cooling, network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from sinkdiag.jacobian.modes import NEARLY_NORMAL
from sinkdiag.results import Status
from sinkdiag.studies.anneal_result import AnnealResult
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.report_answers import row_of, share
from sinkdiag.studies.report_row import ReportRow, Verdict
from sinkdiag.studies.report_sections import ReportSection, row_at
from sinkdiag.studies.spectrum import SpectrumResult
from sinkdiag.studies.stack import StackResult


def study_answers(
    sections: Sequence[ReportSection], eps: float, *, right: bool = False
) -> Iterator[ReportRow]:
    """One row for each section that answers a question of its own, in the order of the page.

    ``right``: the layer's own sweeps are known to be.
    """
    for section in sections:
        result: Any = section.result
        if section.name == "spectrum":
            yield _contraction(result, eps, right)
        elif section.name == "sensitivity":
            yield _derivative(result.rows, eps)
        elif section.name == "calibrate":
            yield cooling_answer(result.rows[0], result.summary.controllers[0])
        elif section.name == "anneal":
            yield _schedule(result)
        elif section.name == "stack":
            yield from (_network(result, place) for place in range(len(result.parts)))


def _contraction(result: SpectrumResult, eps: float, right: bool) -> ReportRow:
    row, summary = row_at(result.rows, eps), result.parts[0].summary
    if math.isnan(row.gap):
        answer = f"the gap is not resolved ({row.status}): {row.status.remedy}"
        return row_of("contraction", "spectrum", "unknown", answer, value=math.nan, eps=row.eps)
    freeze = summary.eps_freeze
    slow = row.eps <= freeze
    parts = [
        f"one sweep takes {share(row.gap)} off an error (gap {row.gap:.3g}): "
        f"{row.sweeps_per_digit:.3g} sweeps a digit"
    ]
    if math.isfinite(freeze):
        what = "so here" if slow else "not yet here"
        parts.append(
            f"from eps = {freeze:.3g} down K = {summary.iters} shrinks an error less than tenfold "
            f"({what})"
        )
    if math.isfinite(row.kappa_V):
        hidden = (
            "the eigenvalues tell it all, pseudospectra add nothing"
            if row.kappa_V < NEARLY_NORMAL
            else f"powers of the Jacobian reach norm {row.transient_peak:.3g}"
        )
        parts.append(f"kappa(V) = {row.kappa_V:.3g} in the {row.norm} norm: {hidden}")
    lags = slow and not right
    if lags:
        parts.append("raise eps, or run more sweeps")
    elif slow:
        parts.append("what is slow holds little mass: K sweeps are right all the same")
    verdict: Verdict = "act" if lags else "ok"
    answer = "; ".join(parts)
    return row_of(
        "contraction", "spectrum", verdict, answer, value=row.sweeps_per_digit, eps=row.eps
    )


def _derivative(rows: Sequence[Any], eps: float) -> ReportRow:
    row = row_at(rows, eps)
    known = [entry for entry in rows if math.isfinite(entry.op_norm)]
    if not known or math.isnan(row.op_norm):
        answer = "the derivative of the plan is below resolution here: raise eps"
        return row_of("derivative", "sensitivity", "unknown", answer, value=math.nan, eps=row.eps)
    steepest = max(known, key=lambda entry: entry.op_norm)
    answer = (
        f"‖dP/dC‖ of the fixed point is {row.op_norm:.3g} and ‖dP/deps‖ is {row.dS_de_norm:.3g} "
        f"here; between eps = {known[0].eps:.3g} and {known[-1].eps:.3g} ‖dP/dC‖ is at most "
        f"{steepest.op_norm:.3g}, at eps = {steepest.eps:.3g}: it does not explode (max P/eps "
        "bounds it)"
    )
    return row_of("derivative", "sensitivity", "ok", answer, value=row.op_norm, eps=row.eps)


def cooling_answer(row: CalibrationRow, controller: str | None) -> ReportRow:
    """Whether cooling needs a controller; ``controller`` is the line that makes it."""
    line = "" if controller is None else f"; {controller}"
    if row.status is Status.BELOW_RESOLUTION:
        verdict: Verdict = "unknown"
        answer = row.verdict
    elif row.verdict.startswith("no collapse provoked"):
        verdict = "ok"
        answer = (
            f"no controller is needed: plain cooling by {row.alpha0:g} a step from eps = "
            f"{row.eps_start:.3g} to {row.eps_min:.3g} ends right{_shortest(row)}"
        )
    elif math.isnan(row.k_safe):
        verdict, answer = "act", f"no slope of a controller is safe{_plainly(row)}{_shortest(row)}"
    else:
        verdict = "act"
        answer = f"{_need(row)}{_plainly(row)}{_shortest(row)}{line}"
    return row_of("cooling", "calibrate", verdict, answer, value=row.k_safe, eps=row.eps_min)


def _need(row: CalibrationRow) -> str:
    """Whether a controller is needed, and what it does."""
    slope = f"EPH-ASC with k_safe = {row.k_safe:.4g} (k·std(C) = {row.k_safe_std:.3g})"
    if math.isnan(row.steps_safe):
        where = "" if math.isnan(row.eps_floor) else f" at eps = {row.eps_floor:.3g}"
        return f"yes: {slope} holds{where}, and nothing ends right below it: do not cool further"
    soonest = min(
        (steps for steps in (row.steps_plain, row.steps_linear) if math.isfinite(steps)),
        default=math.inf,
    )
    arrives = f"arrives at step {row.steps_safe:.0f} and is right on {share(row.confirmed_safe)}"
    if soonest <= row.steps_safe:
        return (
            "only if the right length is not known: a schedule of that length is as soon; "
            f"{slope} {arrives} of fresh replicates without knowing it"
        )
    return f"yes: {slope} {arrives} of fresh replicates, sooner than any safe schedule by the clock"


def _plainly(row: CalibrationRow) -> str:
    return (
        f"; plain cooling by {row.alpha0:g} a step ends wrong on {row.collapses} of "
        f"{row.replicates} replicates"
        if row.collapses
        else ""
    )


def _shortest(row: CalibrationRow) -> str:
    found = [
        f"{name} {steps:.0f}"
        for name, steps in (("exponential", row.steps_plain), ("linear", row.steps_linear))
        if math.isfinite(steps)
    ]
    if not found:
        return "; no exponential or linear schedule within the budget is safe"
    return f"; shortest safe schedules in steps: {', '.join(found)}"


def _schedule(result: AnnealResult) -> ReportRow:
    part = result.parts[0]
    known = [row for row in result.summary.comparison if math.isfinite(row.suboptimality)]
    best = min(known, key=lambda row: (row.suboptimality, row.sweeps), default=None)
    return row_of(
        "schedule",
        "anneal",
        "unknown" if best is None else "ok",
        part.findings[-1],
        value=math.nan if best is None else best.suboptimality,
        eps=math.nan if best is None else best.eps,
    )


def _network(result: StackResult, place: int) -> ReportRow:
    part = result.parts[place]
    idle = sum(row.verdict != "mixing" for row in part.rows)
    said = [f"{part.name}: {text}" if len(result.parts) > 1 else text for text in part.findings]
    return row_of(
        "network",
        "stack",
        "act" if idle else "ok",
        "; ".join(said[len(part.model.said) :] or said),
        value=float(idle),
        eps=math.nan,
    )
