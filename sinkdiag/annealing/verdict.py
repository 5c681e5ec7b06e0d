"""The verdict in words: one of four openings, the cause as measured, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sinkdiag.annealing.escalate import ROOM
from sinkdiag.annealing.window import Bracket, Fate, Window

if TYPE_CHECKING:
    from sinkdiag.annealing.calibration import CalibrationSettings, Confirmation
    from sinkdiag.annealing.escalate import CollapseMoment, Escalation, PlainOutcome

# The safety slope that the paper and its followers take without measuring.
USUAL_K = 0.5
# Total variations below this are no standard anyone would set.
SMALLEST_STANDARD = 1e-4


def verdict_of(
    settings: CalibrationSettings,
    escalation: Escalation,
    provoked: PlainOutcome | None,
    window: Window | None,
    confirmation: Confirmation,
    moments: Sequence[CollapseMoment],
) -> str:
    """One line that opens with ``window:``, ``empty:``, ``no collapse provoked:`` or
    ``below resolution:``.
    """
    if provoked is None or window is None:
        return _without_collapse(settings, escalation)
    if window.found:
        return " ".join(
            (
                "window:",
                _provocation(settings, provoked, moments),
                _arrival(window, confirmation),
                _usual(settings, window),
                _own_sweeps(settings, escalation, provoked),
            )
        ).replace("  ", " ")
    if any(entry.slowest.fate is Fate.UNRESOLVED for entry in window.brackets):
        return (
            "below resolution: the fixed point at "
            f"eps {settings.eps_min:.4g} could not be certified on this matrix, so no run can be "
            "judged there; raise the lowest --eps"
        )
    cause = _why_empty(settings, provoked, window)
    return f"empty: {_provocation(settings, provoked, moments)} {cause}"


def _without_collapse(settings: CalibrationSettings, escalation: Escalation) -> str:
    hardest = escalation.hardest
    if hardest.unresolved:
        return (
            f"below resolution: {hardest.unresolved} of {len(hardest.distances)} fixed points at "
            f"eps {settings.eps_min:.4g} could not be certified; raise the lowest --eps"
        )
    if settings.alpha0 is not None:
        return (
            f"no collapse provoked: the plain schedule with your cooling factor "
            f"{settings.alpha0:.4g} arrives at eps {settings.eps_min:.4g} whole with any number "
            f"of sweeps from {settings.iters} down to 1; no controller is needed at that pace"
        )
    if hardest.tv > settings.collapse_tv:
        return (
            f"no collapse provoked: one jump from eps {settings.eps_start:.4g} to "
            f"{settings.eps_min:.4g} with {_count(hardest.iters, 'sweep')} arrives with TV "
            f"{hardest.tv:.3g}, but no row's argmax differs from the fixed point's on "
            f"{len(hardest.distances) - hardest.collapses} of {len(hardest.distances)} runs; the "
            "hard plan is right, and more sweeps bring the soft one nearer"
        )
    stricter = (
        f"; for a stricter standard give a --collapse-tv below {hardest.tv:.2g}"
        if hardest.tv > SMALLEST_STANDARD
        else ""
    )
    return (
        f"no collapse provoked: even one jump from eps {settings.eps_start:.4g} to "
        f"{settings.eps_min:.4g} with {_count(hardest.iters, 'sweep')} "
        f"collapses on only {hardest.collapses} of {len(hardest.distances)} runs (median TV "
        f"{hardest.tv:.3g}, threshold {settings.collapse_tv:.3g}); plain cooling needs no "
        f"controller on this matrix in this range{stricter}"
    )


def _provocation(
    settings: CalibrationSettings, provoked: PlainOutcome, moments: Sequence[CollapseMoment]
) -> str:
    return (
        f"plain cooling by {provoked.alpha:.4g} a step with {_count(provoked.iters, 'sweep')} "
        "collapses on "
        f"{len(moments)} of {settings.replicates} replicates (TV {provoked.tv:.3g} on arrival)."
    )


def _arrival(window: Window, confirmation: Confirmation) -> str:
    text = (
        f"With k_safe = {window.k_safe:.4g} the controller arrives in {confirmation.steps:.0f} "
        f"steps (median) and does not collapse on {confirmation.safe:.0%} of fresh replays; with "
        f"4·k_high it collapses on {confirmation.collapse:.0%}."
    )
    if confirmation.safe < 1.0:
        return text + " Replicates disagree: stay near k_low."
    return text


def _usual(settings: CalibrationSettings, window: Window) -> str:
    if window.k_low > USUAL_K:
        return (
            f"k_low = {window.k_low:.3g} is above the usual {USUAL_K}: with k = {USUAL_K} the "
            f"controller does not reach eps {settings.eps_min:.4g} in {settings.max_steps} steps."
        )
    if window.k_high < USUAL_K:
        return f"k_high = {window.k_high:.3g}: the usual k = {USUAL_K} collapses."
    return ""


def _own_sweeps(
    settings: CalibrationSettings, escalation: Escalation, provoked: PlainOutcome
) -> str:
    if provoked.iters == settings.iters:
        return ""
    if escalation.critical is None:
        return (
            f"It took fewer sweeps than yours: with K = {settings.iters} even one jump to eps "
            f"{settings.eps_min:.4g} does not collapse."
        )
    return (
        f"With your K = {settings.iters} the plain schedule collapses only when it cools by "
        f"{escalation.critical.alpha:.3g} a step or harder, too few steps for a controller to act."
    )


def _why_empty(settings: CalibrationSettings, provoked: PlainOutcome, window: Window) -> str:
    brackets = window.brackets
    late = sum(math.isinf(entry.low) for entry in brackets)
    lost = [entry for entry in brackets if entry.slowest.fate is Fate.COLLAPSED]
    if late:
        return (
            f"No slope reaches eps {settings.eps_min:.4g} within the budget on {late} of "
            f"{len(brackets)} runs; allow more steps or a higher lowest --eps."
        )
    if lost and provoked.cooling_steps < ROOM and settings.alpha0 is None:
        return (
            f"That is a schedule of {_count(provoked.cooling_steps, 'step')}, in which a "
            f"controller has nothing to brake; with K from {settings.iters} down to 1, {ROOM} "
            "cooling steps or more do not collapse clearly. Cool in more steps: no controller is "
            "needed then."
        )
    if lost:
        return _lost_anyway(lost, len(brackets))
    return (
        f"Replicates leave no common slope (k_low {window.k_low:.3g} > k_high "
        f"{window.k_high:.3g}); allow more steps, more sweeps, or a gentler --alpha0."
    )


def _lost_anyway(lost: Sequence[Bracket], count: int) -> str:
    tv = sorted(entry.slowest.tv for entry in lost)[len(lost) // 2]
    return (
        f"On {len(lost)} of {count} runs even the slowest controller that arrives has collapsed "
        f"(TV {tv:.3g}): what happens in the last steps is more than the sweeps can follow, and "
        "waiting before does not help. Use more sweeps or a gentler --alpha0."
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
