"""The slopes that are safe on one replicate: a scan from above, refined at its ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.replay import ControllerTrial, Replay, ReplayFate, Replays
from sinkdiag.annealing.track import track

# Slopes are scanned in steps of this ratio; a hole narrower than that may pass unseen.
GRID = 1.25
# Ends of a window are bracketed to this ratio, in the conservative direction.
RESOLUTION = 1.05
# Slopes are looked for down to this fraction of the one that never brakes.
SPAN = 1e-8


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """One replicate: the highest run of safe slopes, from ``low`` to ``high``.

    ``low`` is inf when no slope arrives; ``high`` is 0 when none is safe. ``free`` is the largest
    drift/eps of the run that never brakes: above it the controller does nothing. ``floor``: the
    scan ended at ``low`` with slopes still safe. ``hole``: below ``low`` a slope arrives that is
    not safe. ``slowest``: the replay with the least slope that is safe; without one, that arrives.
    """

    low: float
    high: float
    free: float
    slowest: Replay
    floor: bool = False
    hole: bool = False


def bracket(trial: ControllerTrial, judge: Judge) -> Bracket:
    """Scan the slopes downwards from the one that never brakes, until one is late.

    The first run of safe slopes from above is the bracket; its ends are refined by bisection on a
    log scale.
    """
    free = free_slope(trial, judge)
    replays = Replays(trial, judge)
    scan = _scan(replays, free)
    arrived = [
        index for index, slope in enumerate(scan) if not replays.fate(slope, ReplayFate.LATE)
    ]
    safe = [index for index in arrived if replays.fate(scan[index], ReplayFate.SAFE)]
    if not arrived:
        return Bracket(low=math.inf, high=0.0, free=free, slowest=replays.at(free))
    if not safe:
        low = scan[arrived[-1]]
        return Bracket(low=low, high=0.0, free=free, slowest=replays.at(low))
    first, last = safe[0], safe[-1]
    low, high = scan[last], scan[first]
    if first > 0:
        high = _refine(replays, safe=high, other=scan[first - 1])
    if floor := last + 1 == len(scan):
        hole = False
    else:
        hole = arrived[-1] > last
        low = _refine(replays, safe=low, other=scan[last + 1])
    return Bracket(low=low, high=high, free=free, slowest=replays.at(low), floor=floor, hole=hole)


def free_slope(trial: ControllerTrial, judge: Judge) -> float:
    """A slope above the largest drift/eps of the run that never brakes."""
    run = track(judge.stream, trial.rule(math.inf), trial.settings, keep=True)
    last = len(run.steps) if run.arrival is None else run.arrival + 1
    ratios = [s.drift_ratio for s in run.steps[:last] if math.isfinite(s.drift_ratio)]
    # Nothing moves where the largest is 0; any slope is free then.
    return RESOLUTION * (max(ratios, default=0.0) or 1.0) / max(trial.beta, 1e-3)


def _scan(replays: Replays, free: float) -> list[float]:
    """Slopes from above to the first that is late or ends a run of safe ones, it included."""
    scan: list[float] = []
    found = False
    for index in range(1 + math.ceil(-math.log(SPAN) / math.log(GRID))):
        slope = free * max(GRID**-index, SPAN)
        scan.append(slope)
        safe = replays.fate(slope, ReplayFate.SAFE)
        if replays.fate(slope, ReplayFate.LATE) or (found and not safe):
            break
        found = found or safe
    return scan


def _refine(replays: Replays, *, safe: float, other: float) -> float:
    """Where the safe slopes end between a safe one and one that is not, on the safe side."""
    while max(safe / other, other / safe) > RESOLUTION:
        middle = math.sqrt(safe) * math.sqrt(other)
        if replays.fate(middle, ReplayFate.SAFE):
            safe = middle
        else:
            other = middle
    return safe
