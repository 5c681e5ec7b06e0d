"""The calibration's figure: temperature, drift, and distance to the fixed point, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from sinkdiag.report.figures.style import (
    BLACK,
    BLUE,
    ORANGE,
    RED,
    log_scale,
    new_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sinkdiag.annealing.calibration import CalibrationRow
    from sinkdiag.annealing.trace import TraceRow


def draw(
    row: CalibrationRow,
    name: str,
    controller: Sequence[TraceRow],
    plain: Sequence[TraceRow],
    collapse_tv: float,
    path: str,
) -> None:
    """Draw the controller beside the plain schedule on one replicate, and save to ``path``.

    ``controller`` is empty when there is no window: the plain schedule is drawn alone.
    """
    with styled():
        figure = new_figure(6.4, 7.2)
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        figure.suptitle(_title(row, name), fontsize=9)
        _temperature(top, controller, plain)
        _drift(middle, controller, plain, row.k_safe)
        _distance(bottom, controller, plain, collapse_tv)
        bottom.set_xlabel("step (K sweeps each)")
        save(figure, path)


def _title(row: CalibrationRow, name: str) -> str:
    opening = row.verdict.partition(":")[0]
    head = f"{PurePath(name).name}: {opening}"
    if not math.isnan(row.k_safe):
        head += f" {row.k_low:.3g} ≤ k ≤ {row.k_high:.3g}, k_safe = {row.k_safe:.3g}"
    alpha = f"alpha0 = {row.alpha0:.3g}, " if not math.isnan(row.alpha0) else "one jump, "
    return (
        f"{head}\n{alpha}K = {row.iters}, eps {row.eps_start:.3g} → {row.eps_min:.3g} "
        "(cost units), drift in the Frobenius norm"
    )


def _temperature(axes: Axes, controller: Sequence[TraceRow], plain: Sequence[TraceRow]) -> None:
    for start, stop in _braking_zones(controller):
        label = "braking" if start == _braking_zones(controller)[0][0] else None
        axes.axvspan(start - 0.5, stop + 0.5, color=ORANGE, alpha=0.2, lw=0, label=label)
    _lines(axes, controller, plain, "eps")
    axes.set_yscale("log")
    axes.set_ylabel("temperature eps (cost units)")
    axes.legend(loc="best")


def _drift(
    axes: Axes, controller: Sequence[TraceRow], plain: Sequence[TraceRow], k_safe: float
) -> None:
    _lines(axes, controller, plain, "drift")
    if controller:
        axes.plot(
            [row.step for row in controller],
            [k_safe * row.eps for row in controller],
            color=BLACK,
            ls=":",
            label="threshold k_safe·eps",
        )
    log_scale(axes)
    axes.set_ylabel(r"drift $\Vert P_t-P_{t-1}\Vert_F$ (mass)")
    axes.legend(loc="best")


def _distance(
    axes: Axes,
    controller: Sequence[TraceRow],
    plain: Sequence[TraceRow],
    collapse_tv: float,
) -> None:
    _lines(axes, controller, plain, "tv")
    axes.axhline(collapse_tv, color=BLACK, ls=":", label=f"collapse above {collapse_tv:g}")
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("distance to fixed point (TV)")
    axes.legend(loc="best")


def _lines(
    axes: Axes, controller: Sequence[TraceRow], plain: Sequence[TraceRow], column: str
) -> None:
    if controller:
        values = [getattr(row, column) for row in controller]
        axes.plot([row.step for row in controller], values, color=BLUE, label="controller")
    values = [getattr(row, column) for row in plain]
    steps = [row.step for row in plain]
    axes.plot(steps, values, color=RED, ls="--", marker="o", ms=3, label="plain schedule")


def _braking_zones(rows: Sequence[TraceRow]) -> list[tuple[int, int]]:
    """First and last steps of the runs of steps at which the controller brakes."""
    zones: list[tuple[int, int]] = []
    for row in rows:
        if row.braking <= 0.0:
            continue
        if zones and zones[-1][1] == row.step - 1:
            zones[-1] = (zones[-1][0], row.step)
        else:
            zones.append((row.step, row.step))
    return zones
