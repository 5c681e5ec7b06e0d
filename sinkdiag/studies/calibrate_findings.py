"""The verdict of a calibration with learning in the loop, in words."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from sinkdiag.annealing.learning.fates import Fate, Outcome
from sinkdiag.annealing.learning.pilot import FACTORS
from sinkdiag.annealing.learning.slopes import PAPER
from sinkdiag.solver.truncation import RIGHT

if TYPE_CHECKING:
    from sinkdiag.annealing.learning.calibration import LearningCalibration
    from sinkdiag.annealing.learning.slopes import Chosen, SlopeFates

_ENDS = {
    Fate.SAFE: "ends right",
    Fate.LOCKED: "locks in on wrong pairs",
    Fate.THROWN: "is thrown out late",
    Fate.HELD: "holds",
    Fate.LATE: "is late",
}


def verdict_of(found: LearningCalibration) -> str:
    """One line that opens with ``window:``, ``empty:`` or ``no collapse provoked:``."""
    chosen = found.chosen
    parts = [
        _resolution(found),
        _provocation(found),
        _no_slope(found) if chosen is None else _slope(found, chosen),
        _alternatives(found),
        _paper(found),
        _rates(found),
        _conditions(found),
    ]
    return f"{_opening(found)} {' '.join(filter(None, parts))}"


def _opening(found: LearningCalibration) -> str:
    if found.fates[-1].safe:
        return "no collapse provoked:"
    return "empty:" if found.chosen is None else "window:"


def _resolution(found: LearningCalibration) -> str:
    """What depends on K and eps only: no schedule helps there."""
    resolution, iters, eps = found.resolution, found.learner.iters, found.course.eps_min
    if resolution.lowest <= eps:
        return (
            f"with K = {iters} from zero this layer is right to {RIGHT:.0%} on the costs as given "
            f"at every temperature down to eps {eps:.4g}."
        )
    reach = (
        f"is right to {RIGHT:.0%} on the costs as given down to eps {resolution.lowest:.4g}"
        if math.isfinite(resolution.lowest)
        else f"is right to {RIGHT:.0%} on the costs as given at no temperature"
    )
    return f"with K = {iters} from zero this layer {reach}{_needed(found)}."


def _needed(found: LearningCalibration) -> str:
    """How many sweeps eps_min would take, where K is not enough for it."""
    needed, eps = found.resolution.needed, found.course.eps_min
    if needed <= found.learner.iters:
        return f", and again at {eps:.4g}"
    told = f"it would need K = {needed:.0f}" if math.isfinite(needed) else "how many were not found"
    return f"; for {eps:.4g} {told} (learned costs are sharper, no schedule changes it)"


def _provocation(found: LearningCalibration) -> str:
    runs = found.plain_runs
    ends = _ends(runs)
    where = "" if math.isnan(found.eps_collapse) else f" (frozen near eps {found.eps_collapse:.4g})"
    return f"Plain cooling by {found.alpha0!r} a step {ends}{where}."


def _ends(runs: tuple[Outcome, ...]) -> str:
    """How several runs end: "locks in on wrong pairs on 9 and ends right on 1 of 10"."""
    counts = Counter(outcome.fate for outcome in runs)
    if len(counts) == 1:
        (fate,) = counts
        return f"{_ENDS[fate]}{_of_all(len(runs))}"
    told = [f"{_ENDS[fate]} on {count}" for fate, count in counts.most_common()]
    return f"{', '.join(told[:-1])} and {told[-1]} of {len(runs)} replicates"


def _of_all(count: int) -> str:
    return "" if count == 1 else f" on all {count} replicates"


def _slope(found: LearningCalibration, chosen: Chosen) -> str:
    n, m = found.learner.problem.cost.shape
    name = (
        f"k_safe = {chosen.slope:.4g} (k·std(C) = {chosen.slope * found.std:.3g}; for {n}×{m} and "
        f"total mass {found.learner.problem.total:.4g})"
    )
    share = f"{chosen.confirmed:.0%} of fresh replicates" if found.learner.is_random else "one run"
    if chosen.held:
        text = (
            f"No slope arrives and ends right. With {name} the controller stands at eps "
            f"{found.eps_stand:.4g} with the argmaxes right (on {share}): {_stand(found)}."
        )
    else:
        text = (
            f"With {name} the controller arrives at step {found.steps_safe:g} (median) and ends "
            f"right on {share}; on the held-out ones slopes from {chosen.low:.3g} to "
            f"{_high(found, chosen)} are safe."
        )
    return text if chosen.passed else f"{text} {_unconfirmed(chosen)}"


def _stand(found: LearningCalibration) -> str:
    """What it means that a controller stands where it stands."""
    if found.bears_more:
        return (
            "not that the learner bears no less, for cooling by the clock goes further and ends "
            "right; noise keeps the drift above k·eps"
        )
    return "that is the temperature this learner bears, do not cool below it"


def _high(found: LearningCalibration, chosen: Chosen) -> str:
    finite = [entry.slope for entry in found.fates if math.isfinite(entry.slope)]
    return f"{chosen.high:.3g}" + (" and more" if chosen.high == max(finite) else "")


def _unconfirmed(chosen: Chosen) -> str:
    return (
        f"Its neighbours did not hold up on fresh replicates (nor did {chosen.attempts - 1} other "
        "slopes with theirs): the window is narrow or its fates are mixed; give more --replicates."
    )


def _no_slope(found: LearningCalibration) -> str:
    rejected = found.rejected
    if rejected is not None:
        fate = "hold" if rejected.held else "are safe"
        return (
            f"Slopes that {fate} on the held-out replicates do not on fresh ones (the last of "
            f"{rejected.attempts} that were tried, k = {rejected.slope:.4g}, on "
            f"{rejected.confirmed:.0%}): none is given; give more --replicates."
        )
    finite = [entry for entry in found.fates if math.isfinite(entry.slope)]
    late = sum(run.fate is Fate.LATE for entry in finite for run in entry.outcomes)
    total = sum(len(entry.outcomes) for entry in finite)
    best = max(finite, key=lambda entry: _share(entry))
    why = (
        f"{late} of {total} runs of the controller are late: allow more --max-steps, a larger "
        "--learning-rate, or less --noise"
        if 2 * late > total
        else "what arrives ends wrong: a smaller --learning-rate, less noise, or a higher lowest "
        "--eps"
    )
    return (
        f"No slope is safe together with its neighbours on 90 % of the replicates (the best, "
        f"k = {best.slope:.3g}, {_ends(best.outcomes)}): {why}."
    )


def _share(entry: SlopeFates) -> float:
    return sum(run.fate is Fate.SAFE for run in entry.outcomes) / max(len(entry.outcomes), 1)


def _alternatives(found: LearningCalibration) -> str:
    """What a user would do without a controller, on the same replicates."""
    plain, linear, steps = found.plain.steps, found.linear.steps, found.steps_safe
    soonest = min(plain, linear)
    if math.isinf(soonest):
        return "Without a controller no exponential or linear schedule within the budget is safe."
    text = (
        f"Without a controller the shortest safe schedules are exponential {_steps(plain)}, "
        f"linear {_steps(linear)}"
    )
    if math.isnan(steps):
        return f"{text}: a schedule of the right length arrives where no slope does."
    speedup = "" if math.isinf(plain) else f" (speedup {plain / steps:.2f}; the paper reports 1.6)"
    if soonest <= steps:
        how = "sooner" if soonest < steps else "as soon"
        return f"{text}{speedup}: one of the right length, known beforehand, arrives {how}."
    return f"{text}{speedup}."


def _steps(length: float) -> str:
    if not math.isfinite(length):
        return "none"
    return "1 step" if length == 1 else f"{length:.0f} steps"


def _paper(found: LearningCalibration) -> str:
    usual = next((entry for entry in found.fates if entry.slope == PAPER), None)
    if usual is None or not usual.outcomes:
        return ""
    name = f"The paper's k = {PAPER} (k·std(C) = {PAPER * found.std:.3g})"
    if usual.safe:
        return f"{name} is safe, at step {usual.steps:g}."
    return f"{name} {_ends(usual.outcomes)}."


def _rates(found: LearningCalibration) -> str:
    if not found.rates:
        return ""
    told = [
        f"k_safe is {slope:.3g}" if math.isfinite(slope) else "no slope is safe"
        for _, slope in found.rates
    ]
    return f"At a quarter of the learning rate {told[0]}, at four times {told[1]}."


def _conditions(found: LearningCalibration) -> str:
    """What the figures were made under, where that is not what one would expect."""
    told = []
    if found.settings.alpha0 is None:
        how = "was the soonest" if math.isfinite(found.steps_safe) else "was taken"
        told.append(f"alpha0 = {found.alpha0:g} {how} of {', '.join(map(str, sorted(FACTORS)))}")
    if not found.learner.is_random:
        told.append("without noise, on a given truth, every run is the same: one replicate")
    if found.settings.quick:
        told.append(f"a quick look: {found.panel.count} replicates and a coarse grid")
    if found.tied:
        told.append("the planted optimum is tied with others, which count as wrong")
    if found.learner.target.inner:
        told.append("judged without the last row and column")
    return f"({'; '.join(told)}.)" if told else ""
