"""The figure of ``anneal``: what each schedule's sweeps buy, its temperature and its entropy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sinkdiag.annealing.schedules.front import FrontPoint
from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.figures.style import BLACK, CYCLE, log_scale, new_figure, shown_name, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = ("-", "--", "-.", ":")
# A learner is right long before less of the mass than this is in the wrong place.
_LEAST_WRONG = 1e-4


@dataclass(frozen=True, kw_only=True)
class ScheduleCurve:
    """One schedule, step by step: eps in cost units, suboptimality in cost units times mass."""

    name: str
    fate: str
    step: Sequence[int]
    sweeps: Sequence[int]
    eps: Sequence[float]
    entropy: Sequence[float]
    suboptimality: Sequence[float]
    tv: Sequence[float]
    wrong_mass: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class ScheduleCurves:
    """All schedules on one cost; ``iters`` and ``start`` are the layer's, temperatures its ends.

    ``learned``: the costs learned meanwhile, one step each.
    """

    name: str
    iters: int
    start: str
    eps_start: float
    eps_min: float
    front: Sequence[FrontPoint]
    learned: bool
    curves: Sequence[ScheduleCurve]


def draw(curves: ScheduleCurves) -> Figure:
    """Error against sweeps on the left; temperature and entropy against the step beside it."""
    with styled():
        figure = new_figure(10.0, 5.4)
        grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1.0))
        error = figure.add_subplot(grid[:, 0])
        temperature = figure.add_subplot(grid[0, 1])
        entropy = figure.add_subplot(grid[1, 1], sharex=temperature)
        figure.suptitle(_title(curves), fontsize=9)
        _error(error, curves)
        for curve, style in zip(curves.curves, _styles(), strict=False):
            steps = [1 + step for step in curve.step]
            temperature.plot(steps, curve.eps, **style)
            entropy.plot(steps, curve.entropy, **style)
        temperature.set_yscale("log")
        temperature.set_xscale("log")
        temperature.set_ylabel("temperature eps (cost units)")
        entropy.set_ylim(-0.02, 1.02)
        entropy.set_ylabel("row entropy (0 hard, 1 uniform)")
        entropy.set_xlabel("step + 1")
    return figure


def _title(curves: ScheduleCurves) -> str:
    what = "while the costs learn" if curves.learned else "compared"
    last = "one gradient step a step" if curves.learned else "annealed iterations: one sweep a step"
    return (
        f"{shown_name(curves.name)}: annealing schedules {what}\n"
        f"layer: K = {curves.iters}, {curves.start} start, eps {curves.eps_start:.3g} → "
        f"{curves.eps_min:.3g} (cost units); {last}"
    )


def _styles() -> list[dict[str, Any]]:
    return [{"color": colour, "ls": line} for line in _LINES for colour in CYCLE[:-1]]


def _error(axes: Axes, curves: ScheduleCurves) -> None:
    """Suboptimality, or TV where no optimum is known, on log axes."""
    label, heights_of = _measure(curves)
    for curve, style in zip(curves.curves, _styles(), strict=False):
        heights = np.array(heights_of(curve), dtype=float)
        heights[~(heights > 0)] = math.nan
        places = [1 + step for step in curve.step] if curves.learned else curve.sweeps
        axes.plot(places, heights, label=f"{curve.name} ({curve.fate})", **style)
        seen = np.flatnonzero(np.isfinite(heights))
        if len(seen):
            last = int(seen[-1])
            colour = style["color"]
            axes.plot(places[last], heights[last], marker="o", ms=4, color=colour)
    points = [point for point in curves.front if point.suboptimality > 0]
    if points:
        axes.plot(
            [point.sweeps for point in points],
            [point.suboptimality for point in points],
            color=BLACK,
            ls=":",
            lw=2.0,
            label="front of plain Sinkhorn, constant eps",
        )
    axes.set_xscale("log")
    log_scale(axes, _LEAST_WRONG if curves.learned else 0.0)
    axes.set_xlabel("step + 1" if curves.learned else "sweeps")
    axes.set_ylabel(label)
    axes.legend(loc="best")


def _measure(
    curves: ScheduleCurves,
) -> tuple[str, Callable[[ScheduleCurve], Sequence[float]]]:
    """What is drawn: wrong mass of a learner, else suboptimality, else TV; and its axis label."""
    measures: tuple[tuple[str, Callable[[ScheduleCurve], Sequence[float]]], ...] = (
        ("wrong mass (share)", lambda curve: curve.wrong_mass),
        ("<C, rounded P> − optimum (cost units × mass)", lambda curve: curve.suboptimality),
        ("TV to P*(eps)", lambda curve: curve.tv),
    )
    for label, read in measures:
        if any(_positive(read(curve)) for curve in curves.curves):
            return label, read
    raise NothingToDrawError("neither a suboptimality nor a TV above 0 is resolved")


def _positive(values: Sequence[float]) -> bool:
    return any(math.isfinite(value) and value > 0 for value in values)
