"""The calibration's figure: temperature, drift, and distance to the fixed point, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.annealing.trace import TraceRow, braking_zones
from sinkdiag.columns import labelled
from sinkdiag.rendering.figures.style import (
    BLACK,
    BLUE,
    ORANGE,
    RED,
    log_scale,
    new_figure,
    shown_name,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class AnnealingRuns:
    """The controller beside the plain schedule on one replicate.

    Attributes
    ----------
    name, opening:
        Whose runs, and the first word of the verdict.
    k_low, k_high, k_safe:
        The window, drift per unit of eps; nan without one.
    alpha0:
        Cooling factor of one step.
    iters, eps_start, eps_min:
        Sweeps a step, and the temperatures in cost units.
    collapse_tv:
        Total variation that counts as collapse.
    controller, plain:
        The steps of both; ``controller`` is empty without a window.
    """

    name: str
    opening: str
    k_low: float
    k_high: float
    k_safe: float
    alpha0: float
    iters: int
    eps_start: float
    eps_min: float
    collapse_tv: float
    controller: Sequence[TraceRow]
    plain: Sequence[TraceRow]


def draw(runs: AnnealingRuns) -> Figure:
    """Three panels over the steps; without a window the plain schedule is drawn alone."""
    from matplotlib.ticker import MaxNLocator

    with styled():
        figure = new_figure(6.4, 7.2)
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        figure.suptitle(_title(runs), fontsize=9)
        _temperature(top, runs)
        _drift(middle, runs)
        _distance(bottom, runs)
        bottom.set_xlabel("step (K sweeps each)")
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _title(runs: AnnealingRuns) -> str:
    head = f"{shown_name(runs.name)}: {runs.opening}"
    if not math.isnan(runs.k_safe):
        head += f" {runs.k_low:.3g} ≤ k ≤ {runs.k_high:.3g}, k_safe = {runs.k_safe:.3g}"
    jump = runs.eps_min / runs.eps_start
    alpha = f"alpha0 = {runs.alpha0:.3g}, " if runs.alpha0 > jump else "one jump, "
    return (
        f"{head}\n{alpha}K = {runs.iters}, eps {runs.eps_start:.3g} → {runs.eps_min:.3g} "
        "(cost units), drift in the Frobenius norm"
    )


def _temperature(axes: Axes, runs: AnnealingRuns) -> None:
    for number, (start, stop) in enumerate(braking_zones(runs.controller, runs.eps_min)):
        label = None if number else "braking"
        axes.axvspan(start - 0.5, stop + 0.5, color=ORANGE, alpha=0.2, lw=0, label=label)
    _lines(axes, runs, "eps")
    axes.set_yscale("log")
    axes.set_ylabel(f"temperature {labelled(TraceRow, 'eps')}")
    axes.legend(loc="best")


def _drift(axes: Axes, runs: AnnealingRuns) -> None:
    _lines(axes, runs, "drift")
    if runs.controller:
        axes.plot(
            [row.step for row in runs.controller],
            [runs.k_safe * row.eps for row in runs.controller],
            color=BLACK,
            ls=":",
            label="threshold k_safe·eps",
        )
    log_scale(axes)
    axes.set_ylabel(r"drift $\Vert P_t-P_{t-1}\Vert_F$ (mass)")
    axes.legend(loc="best")


def _distance(axes: Axes, runs: AnnealingRuns) -> None:
    _lines(axes, runs, "tv")
    label = f"collapse above {runs.collapse_tv:g}"
    axes.axhline(runs.collapse_tv, color=BLACK, ls=":", label=label)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("distance to fixed point (TV)")
    axes.legend(loc="best")


def _lines(axes: Axes, runs: AnnealingRuns, column: str) -> None:
    if runs.controller:
        values = [getattr(row, column) for row in runs.controller]
        axes.plot([row.step for row in runs.controller], values, color=BLUE, label="controller")
    values = [getattr(row, column) for row in runs.plain]
    steps = [row.step for row in runs.plain]
    axes.plot(steps, values, color=RED, ls="--", marker="o", ms=3, label="plain schedule")
