"""The calibration's figure: the map of fates, and a run at k_safe beside equally long schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sinkdiag.annealing.learning.calibration import LearningCalibration
from sinkdiag.annealing.learning.fates import Fate
from sinkdiag.annealing.learning.paces import LengthPace, Pace
from sinkdiag.annealing.learning.slopes import PAPER, SlopeFates
from sinkdiag.annealing.learning.trace import TracedRun, pace_of, trace_learning
from sinkdiag.annealing.trace import TraceRow, braking_zones
from sinkdiag.arrays import FloatArray
from sinkdiag.columns import labelled
from sinkdiag.rendering.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    log_scale,
    new_figure,
    shown_name,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

# A gradient below this share of the largest is rounding to any optimiser.
READABLE = 1e-16
# Colour and hatch of every fate: either alone tells them apart.
_FATES = {
    Fate.SAFE: (GREEN, "", "safe"),
    Fate.HELD: (SKY, "..", "held: right where it stands"),
    Fate.LOCKED: (RED, "xx", "locked in"),
    Fate.THROWN: (PURPLE, "\\\\", "thrown out late"),
    Fate.LATE: ("#BBBBBB", "--", "late"),
}


def draw(name: str, found: LearningCalibration) -> Figure:
    """Left the fates and the steps to arrive over the slopes, right one run in four panels."""
    with styled():
        figure = new_figure(10.0, 6.4)
        figure.suptitle(_title(name, found), fontsize=9)
        grid = figure.add_gridspec(4, 2, width_ratios=[1.0, 1.15])
        fates = figure.add_subplot(grid[:2, 0])
        _draw_fates(fates, found)
        _draw_steps(figure.add_subplot(grid[2:, 0], sharex=fates), found)
        panels: list[Axes] = []
        for place in range(4):
            shared = panels[0] if panels else None
            panels.append(figure.add_subplot(grid[place, 1], sharex=shared))
        _draw_runs(panels, found, _runs(found))
    return figure


def _title(name: str, found: LearningCalibration) -> str:
    learner, course = found.learner, found.course
    n, m = learner.problem.cost.shape
    chosen = found.chosen
    slope = "no safe slope" if chosen is None else f"k_safe = {chosen.slope:.3g}"
    return (
        f"{shown_name(name)} ({n}×{m}): {slope}, alpha0 = {found.alpha0:.3g}, K = {learner.iters} "
        f"{'cold' if learner.cold else 'warm'}, eps {course.eps_start:.3g} → {course.eps_min:.3g} "
        f"(cost units), drift in the Frobenius norm\nlearner: {learner.loss}, rate "
        f"{learner.learning_rate / found.std**2:.3g} std(C)², noise "
        f"{learner.noise / found.std:.3g} std(C)"
    )


def _finite(found: LearningCalibration) -> list[SlopeFates]:
    return [entry for entry in found.fates if math.isfinite(entry.slope)]


def _draw_fates(axes: Axes, found: LearningCalibration) -> None:
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    entries = _finite(found)
    edges = _edges([entry.slope for entry in entries])
    seen: dict[Fate, None] = {}
    for entry, left, right in zip(entries, edges, edges[1:], strict=False):
        for replicate, outcome in enumerate(entry.outcomes):
            colour, hatch, _ = _FATES[outcome.fate]
            seen[outcome.fate] = None
            axes.add_patch(_cell((left, replicate - 0.5), right - left, colour=colour, hatch=hatch))
    axes.set_xscale("log")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(-0.5, found.panel.count - 0.5)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("held-out replicate")
    axes.grid(visible=False)
    axes.tick_params(labelbottom=False)
    _mark_slopes(axes, found)
    patches = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=label)
        for fate, (colour, hatch, label) in _FATES.items()
        if fate in seen
    ]
    axes.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


def _cell(corner: tuple[float, float], width: float, *, colour: str, hatch: str) -> Rectangle:
    from matplotlib.patches import Rectangle as Cell

    return Cell(corner, width, 1.0, facecolor=colour, hatch=hatch, edgecolor="white", lw=0.3)


def _edges(slopes: Sequence[float]) -> FloatArray:
    """The edges of the cells, halfway between neighbours on a log scale."""
    logs = np.log(slopes)
    middles = 0.5 * (logs[1:] + logs[:-1])
    first, last = logs[0] - (middles[0] - logs[0]), logs[-1] + (logs[-1] - middles[-1])
    return np.exp(np.concatenate([[first], middles, [last]]))


def _mark_slopes(axes: Axes, found: LearningCalibration) -> None:
    axes.axvline(PAPER, color=BLACK, ls=":", lw=1.2)
    if found.chosen is not None:
        axes.axvline(found.chosen.slope, color=BLACK, lw=1.6)


def _draw_steps(axes: Axes, found: LearningCalibration) -> None:
    entries = [entry for entry in _finite(found) if entry.safe and math.isfinite(entry.steps)]
    axes.plot(
        [entry.slope for entry in entries],
        [entry.steps for entry in entries],
        color=GREEN,
        marker="o",
        ms=3,
        ls="none",
        label="controller, safe slopes (median)",
    )
    for steps, colour, style, label in (
        (found.plain.steps, RED, "--", "shortest safe exponential"),
        (found.linear.steps, BLUE, "-.", "shortest safe linear"),
    ):
        if math.isfinite(steps):
            axes.axhline(steps, color=colour, ls=style, label=f"{label}: {steps:.0f}")
    _mark_slopes(axes, found)
    axes.set_ylim(0, found.course.max_steps)
    axes.set_xlabel(f"slope k (mass/cost); solid line: k_safe, dotted: the paper's {PAPER}")
    axes.set_ylabel("step of arrival")
    axes.legend(loc="best")


def _runs(found: LearningCalibration) -> list[tuple[str, TracedRun]]:
    """The first replicate at k_safe, and under schedules that take as many steps."""
    course = found.course
    slope = math.inf if found.chosen is None else found.chosen.slope
    name = "plain" if found.chosen is None else "controller, k_safe"
    runs = [(name, trace_learning(found, pace_of(found, slope), 0, distances=False))]
    steps = runs[0][1].outcome.steps
    length = int(steps) if math.isfinite(steps) else course.max_steps - 1
    for form in ("exponential", "linear"):
        pace: Pace = LengthPace(
            eps_start=course.eps_start, eps_min=course.eps_min, steps=length, form=form
        )
        run = trace_learning(found, pace, 0, distances=False)
        runs.append((f"{form}, {length} steps", run))
    return [(f"{label}: {run.outcome.fate}", run) for label, run in runs]


_STYLES = ((GREEN, "-"), (RED, "--"), (BLUE, "-."))


def _draw_runs(
    panels: Sequence[Axes], found: LearningCalibration, runs: Sequence[tuple[str, TracedRun]]
) -> None:
    from matplotlib.ticker import MaxNLocator

    top = panels[0]
    for start, stop in braking_zones(runs[0][1].rows, found.course.eps_min):
        top.axvspan(start - 0.5, stop + 0.5, color=ORANGE, alpha=0.25, lw=0)
    readings: tuple[Callable[[TraceRow], float], ...] = (
        lambda row: row.eps,
        lambda row: row.right_rows,
        lambda row: row.gradient_norm,
        lambda row: row.entropy,
    )
    labels = (labelled(TraceRow, "eps"), "right rows", "‖dl/dC‖$_F$ (1/cost)", "entropy")
    for axes, reading, label in zip(panels, readings, labels, strict=True):
        for (name, run), (colour, style) in zip(runs, _STYLES, strict=True):
            steps = [row.step for row in run.rows]
            axes.plot(steps, [reading(row) for row in run.rows], color=colour, ls=style, label=name)
        axes.set_ylabel(label)
        axes.tick_params(labelbottom=axes is panels[-1])
    top.set_yscale("log")
    log_scale(panels[2], READABLE)
    panels[1].set_ylim(-0.03, 1.05)
    panels[3].set_ylim(-0.03, 1.05)
    top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, title="shaded: braking")
    panels[-1].set_xlabel("step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
