"""The verdict of a calibration in words: one of four openings, the cause, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sinkdiag.annealing.bracket import GRID, Bracket
from sinkdiag.annealing.escalate import ROOM
from sinkdiag.annealing.replay import ReplayFate

if TYPE_CHECKING:
    from sinkdiag.annealing.calibration import Calibration
    from sinkdiag.annealing.choice import Choice
    from sinkdiag.annealing.escalate import PlainOutcome
    from sinkdiag.annealing.track import TrackSettings

# The safety slope that the paper and its followers take without measuring.
USUAL_K = 0.5
# Total variations below this are no standard anyone would set.
SMALLEST_STANDARD = 1e-4
# Total variations that differ by less than this factor are called alike.
ALIKE = 1.05


def verdict_of(found: Calibration) -> str:
    """One line that opens with ``window:``, ``empty:``, ``no collapse provoked:`` or
    ``below resolution:``.
    """
    choice = found.choice
    if choice is None:
        return _without_collapse(found)
    if choice.window.found:
        sentences = (
            "window:",
            _provocation(found, choice),
            _arrival(choice),
            _equal(choice),
            _edges(choice),
            _usual(found, choice),
            _own_sweeps(found, choice),
        )
        return " ".join(filter(None, sentences))
    if found.unresolved:
        return (
            f"below resolution: the fixed point at eps {found.layer.eps_min:.4g} could not be "
            "certified on this matrix, so no run can be judged there; raise the lowest --eps"
        )
    return f"empty: {_provocation(found, choice)} {_why_empty(found, choice)}"


def layer_sentence(found: Calibration) -> str:
    """What the row is for."""
    layer = found.layer
    return (
        f"layer: K = {found.run.iters} sweeps, eps {layer.eps_start:g} to {layer.eps_min:g}; "
        "k_theory and R at eps_collapse (nan: no collapse, or unresolved)"
    )


def _without_collapse(found: Calibration) -> str:
    settings, layer, hardest = found.settings, found.layer, found.escalation.hardest
    runs = len(hardest.distances)
    if found.too_slow:
        return (
            f"empty: plain cooling by {hardest.alpha!r} a step takes "
            f"{hardest.cooling_steps + 1:.6g} steps and does not reach eps {layer.eps_min:.4g} "
            f"within the budget of {layer.max_steps}; allow more steps or a smaller --alpha0"
        )
    if hardest.unresolved:
        return (
            f"below resolution: {hardest.unresolved} of {runs} fixed points at "
            f"eps {layer.eps_min:.4g} could not be certified; raise the lowest --eps"
        )
    share = (
        f"collapses on only {hardest.collapses} of {runs} runs (median TV {hardest.tv:.3g}, "
        f"threshold {settings.collapse_tv:.3g})"
    )
    if settings.alpha0 is not None:
        sweeps = (
            f"any number of sweeps from {layer.iters} down to 1"
            if settings.fewer_sweeps
            else _count(layer.iters, "sweep")
        )
        return (
            f"no collapse provoked: with {sweeps} the plain schedule with your cooling factor "
            f"{settings.alpha0:.4g} {share}; no controller is needed at that pace"
        )
    stricter = (
        f"; for a stricter standard give a --collapse-tv below {hardest.tv:.2g}"
        if SMALLEST_STANDARD < hardest.tv <= settings.collapse_tv
        else ""
    )
    subject = "record" if found.recorded else "matrix"
    return (
        f"no collapse provoked: even {_schedule(hardest, layer)} {share}; plain cooling needs no "
        f"controller on this {subject} in this range{stricter}"
    )


def _schedule(outcome: PlainOutcome, layer: TrackSettings) -> str:
    """The plain schedule of an outcome in words."""
    steps = outcome.cooling_steps
    pace = "one jump" if steps == 1 else f"plain cooling in {steps} steps"
    return (
        f"{pace} from eps {layer.eps_start:.4g} to {layer.eps_min:.4g} with "
        f"{_count(outcome.iters, 'sweep')}"
    )


def _provocation(found: Calibration, choice: Choice) -> str:
    provoked = choice.provoked
    return (
        f"plain cooling by {provoked.alpha:.4g} a step with {_count(provoked.iters, 'sweep')} "
        f"collapses on {len(found.moments)} of {found.settings.replicates} replicates "
        f"(TV {provoked.tv:.3g})."
    )


def _arrival(choice: Choice) -> str:
    confirmation = choice.confirmation
    text = (
        f"With k_safe = {choice.window.k_safe:.4g} the controller arrives in "
        f"{confirmation.steps:.0f} steps (median) and does not collapse on "
        f"{confirmation.safe:.0%} of fresh replays; with 4·k_high it collapses on "
        f"{confirmation.collapse:.0%}."
    )
    if confirmation.safe < 1.0:
        return text + " Replicates disagree: stay near k_low."
    return text


def _equal(choice: Choice) -> str:
    """The controller beside plain cooling in as many steps."""
    safe, plain = choice.confirmation.tv_safe, choice.confirmation.tv_plain_equal
    if math.isnan(plain):
        return ""
    if max(safe, plain) <= ALIKE * min(safe, plain):
        verdict = "neither is better"
    else:
        verdict = (
            f"{'the controller' if safe < plain else 'plain cooling'} is the better of the two"
        )
    return (
        f"At k_safe it ends at TV {safe:.3g} (median), plain cooling in as many steps at "
        f"{plain:.3g}: {verdict}."
    )


def _edges(choice: Choice) -> str:
    """What the ends of the window do not say by themselves."""
    window = choice.window
    text = []
    if window.floor:
        text.append(
            f"k_low is at most {window.k_low:.3g}: the search ends there, and lower slopes may "
            "arrive as well."
        )
    if window.holes:
        text.append(
            f"The safe slopes have holes: on {window.holes} of {len(window.brackets)} runs some "
            f"below the window arrive and are not safe (slopes a factor {GRID} apart were tried, "
            "from above)."
        )
    return " ".join(text)


def _usual(found: Calibration, choice: Choice) -> str:
    window, layer = choice.window, found.layer
    if window.k_low > USUAL_K:
        return (
            f"k_low = {window.k_low:.3g} is above the usual {USUAL_K}: with k = {USUAL_K} the "
            f"controller does not reach eps {layer.eps_min:.4g} in {layer.max_steps} steps."
        )
    if window.k_high < USUAL_K:
        return f"k_high = {window.k_high:.3g}: the usual k = {USUAL_K} collapses."
    return ""


def _own_sweeps(found: Calibration, choice: Choice) -> str:
    layer, critical = found.layer, found.escalation.critical
    if choice.provoked.iters == layer.iters:
        return ""
    if critical is None:
        return (
            f"It took fewer sweeps than yours: with K = {layer.iters} even one jump to eps "
            f"{layer.eps_min:.4g} does not collapse."
        )
    steps = critical.cooling_steps
    pace = "one jump" if steps == 1 else f"{steps} steps or fewer"
    if steps < ROOM:
        why = "too few steps for a controller to act"
    elif any(outcome.iters == layer.iters for outcome in found.escalation.provoked):
        why = "and the window there is no better"
    else:
        why = "and not clearly on every pilot run"
    return (
        f"With your K = {layer.iters} the plain schedule collapses only when it cools by "
        f"{critical.alpha:.3g} a step or harder ({pace}), {why}."
    )


def _why_empty(found: Calibration, choice: Choice) -> str:
    layer, window, steps = found.layer, choice.window, choice.provoked.cooling_steps
    late = window.fates(ReplayFate.LATE)
    lost = [entry for entry in window.brackets if entry.slowest.fate is ReplayFate.COLLAPSED]
    if late:
        return (
            f"No slope reaches eps {layer.eps_min:.4g} within the budget on {late} of "
            f"{len(window.brackets)} runs; allow more steps or a higher lowest --eps."
        )
    if lost and steps < ROOM and found.settings.alpha0 is None:
        return (
            f"That is a schedule of {_count(steps, 'step')}, in which a controller has nothing to "
            f"brake; {ROOM} cooling steps or more do not collapse clearly"
            f"{_down_to_one(found)}. Cool in more steps: no controller is needed then."
        )
    if lost:
        return _lost_anyway(found, lost)
    return (
        f"Replicates leave no common slope (k_low {window.k_low:.3g} > k_high "
        f"{window.k_high:.3g}); allow more steps, more sweeps, or a gentler --alpha0."
    )


def _down_to_one(found: Calibration) -> str:
    return f" with K from {found.layer.iters} down to 1" if found.settings.fewer_sweeps else ""


def _lost_anyway(found: Calibration, lost: Sequence[Bracket]) -> str:
    count, eps_min = len(found.window.brackets), found.layer.eps_min
    tv = sorted(entry.slowest.tv for entry in lost)[len(lost) // 2]
    cause = (
        f"the costs of the record go on changing at eps {eps_min:.4g}, by more than the sweeps can "
        "follow"
        if found.recorded
        else "what happens in the last steps is more than the sweeps can follow"
    )
    return (
        f"On {len(lost)} of {count} runs even the slowest controller that arrives has collapsed "
        f"(TV {tv:.3g}): {cause}, and waiting before does not help. Use more sweeps or a gentler "
        "--alpha0."
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
