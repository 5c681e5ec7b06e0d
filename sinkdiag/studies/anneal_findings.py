"""What the schedules of ``anneal`` did, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sinkdiag.annealing.schedules.optimum import Optimum
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.claims.claim import Claim
from sinkdiag.jacobian.freeze import LARGEST_SIZE, freeze_temperature
from sinkdiag.studies.anneal_row import TimedComparison
from sinkdiag.studies.anneal_run import ScheduleRun

_FATES = {
    "tracked": "near its fixed point",
    "unresolved": "its sweeps do not reach the fixed point there",
    "lost": "it outran its sweeps",
    "late": "the budget ended before eps_min",
    "arrived": "not compared with its fixed point",
    "safe": "it learned the right pairs",
    "locked": "it hardened on wrong pairs before it had learned the right ones",
    "thrown": "it had the right pairs and lost them",
    "held": "its pairs are right where the budget ended",
}


def findings_of(
    runs: Sequence[ScheduleRun], setting: Setting, optimum: Optimum, claims: Sequence[Claim]
) -> tuple[str, ...]:
    """One sentence a schedule, then what they have in common, the claims, and the best."""
    made = [run.comparison for run in runs]
    said = [_sentence(row) for row in made]
    if optimum.reason:
        said.append(f"no suboptimality: {optimum.reason}")
    if any(row.fate == "unresolved" for row in made):
        said.append(_freezes(setting))
    said += [
        f"{claim.claim} ({claim.source}): {claim.verdict}; {claim.sentence}" for claim in claims
    ]
    said.append(_best(made))
    return tuple(said)


def _sentence(row: TimedComparison) -> str:
    tv = "" if math.isnan(row.tv) else f", TV {row.tv:.2g}"
    wrong = "" if math.isnan(row.wrong_mass) else f", wrong mass {row.wrong_mass:.2g}"
    braked = f", braking {100 * row.braking:.0f}% of the steps" if row.braking > 0 else ""
    return (
        f"{row.schedule}: {row.fate} ({_FATES[row.fate]}{tv}{wrong}) at eps {row.eps:.4g} after "
        f"{row.steps} steps, {row.sweeps} sweeps; suboptimality {row.suboptimality:.3g}{braked}; "
        f"{row.seconds:.2f} s"
    )


def _freezes(setting: Setting) -> str:
    said = (
        f"unresolved: a layer that starts cold makes {setting.iters} sweeps at every step, "
        "whatever the schedule did before"
    )
    if not setting.static or setting.problem.cost.size > LARGEST_SIZE:
        return f"{said}; no schedule helps, more sweeps or a higher eps_min do"
    freeze = freeze_temperature(setting.problem, setting.iters)
    return (
        f"{said}; they resolve this matrix above eps {freeze:.4g}; below it no schedule helps, "
        "more sweeps or a carried potential (--start warm) do"
    )


def _best(made: Sequence[TimedComparison]) -> str:
    learned = [row for row in made if math.isfinite(row.wrong_mass)]
    if learned:
        best = min(learned, key=lambda row: (row.wrong_mass, row.sweeps))
        return (
            f"least wrong mass at the end: {best.schedule}, {best.wrong_mass:.3g} after "
            f"{best.steps} steps"
        )
    known = [row for row in made if math.isfinite(row.suboptimality)]
    if not known:
        return "no schedule can be called the best: no suboptimality is known"
    best = min(known, key=lambda row: (row.suboptimality, row.sweeps))
    return (
        f"least suboptimality at the end: {best.schedule}, {best.suboptimality:.3g} after "
        f"{best.sweeps} sweeps"
    )


def digest_of(cases: Sequence[Sequence[TimedComparison]]) -> tuple[str, ...]:
    """One sentence a schedule over several cases: its fates, and what it missed the optimum by."""
    said = []
    for rows in zip(*cases, strict=True):
        fates = [row.fate for row in rows]
        counts = ", ".join(f"{fate} on {fates.count(fate)}" for fate in dict.fromkeys(fates))
        what, values = "wrong mass", [row.wrong_mass for row in rows]
        if not any(map(math.isfinite, values)):
            what, values = "suboptimality", [row.suboptimality for row in rows]
        known = [value for value in values if math.isfinite(value)]
        missed = f"; {what} {min(known):.3g} to {max(known):.3g}" if known else ""
        said.append(f"{rows[0].schedule}: {counts} of {len(rows)}{missed}")
    return (*said, "-v shows each case")
