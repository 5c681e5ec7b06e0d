"""The data itself and its replicates, each used for one purpose only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.annealing.collapse import Judge
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.annealing.stream import CostStream, NoisyMatrix, Trajectory
from sinkdiag.annealing.track import TrackSettings
from sinkdiag.problem import Problem

# Phase I looks at the data itself and at this many replicates of its own.
PILOTS = 3
# The finished k_safe and 4·k_high are replayed on this many replicates that nothing was fitted to.
CONFIRMATIONS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicates:
    """The recorded costs, and replicates for phase I, for phase II and for its confirmation."""

    data: Judge
    pilots: tuple[Judge, ...]
    held_out: tuple[Judge, ...]
    fresh: tuple[Judge, ...]


def make_replicates(
    problems: Sequence[Problem], layer: TrackSettings, settings: CalibrationSettings
) -> Replicates:
    """Replicates of a matrix (one problem) or of a trajectory, each with random numbers of its own.

    Each is given with the judge of the runs along it. Those of a matrix add decaying noise; those
    of a trajectory permute its increments.
    """
    count = 1 + PILOTS + settings.replicates + CONFIRMATIONS
    problem = problems[0]
    streams: list[CostStream] = []
    if len(problems) > 1:
        costs = np.stack([each.cost for each in problems])
        streams.append(Trajectory(problem=problem, costs=costs))
        streams += [
            Trajectory(problem=problem, costs=costs, seed=(settings.seed, index))
            for index in range(1, count)
        ]
    else:
        streams += [
            NoisyMatrix(
                problem=problem,
                noise=settings.noise if index else 0.0,
                decay=settings.noise_decay,
                seed=(settings.seed, index),
            )
            for index in range(count)
        ]
    judges = [Judge(stream, settings.collapse_tv, layer) for stream in streams]
    held_out = 1 + PILOTS + settings.replicates
    return Replicates(
        data=judges[0],
        pilots=tuple(judges[1 : 1 + PILOTS]),
        held_out=tuple(judges[1 + PILOTS : held_out]),
        fresh=tuple(judges[held_out:]),
    )
