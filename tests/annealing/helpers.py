"""Settings of a short run that several tests use."""

from __future__ import annotations

from sinkdiag.annealing.track import TrackSettings


def settings(iters=2, start=1.0, end=0.003, budget=100):
    return TrackSettings(eps_start=start, eps_min=end, iters=iters, max_steps=budget)
