"""The spectrum's figure: gap and eigenvalues against eps, the unit circle, condition numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinkdiag.report.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    RED,
    log_scale,
    new_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sinkdiag.studies.spectrum import SpectrumPoint
    from sinkdiag.studies.spectrum_findings import SpectrumSummary

# Curves of eigenvalues that are drawn; a thousand would be one grey patch.
LEADING = 8
# Temperatures shown in the unit disc.
DISC_ROWS = 4


def draw(points: Sequence[SpectrumPoint], summary: SpectrumSummary, name: str, path: str) -> None:
    """Draw one matrix's spectra, warmest first, and save to ``path``."""
    with styled():
        figure = new_figure(8.6, 7.0)
        (gaps, disc), (values, conditions) = figure.subplots(2, 2)
        figure.suptitle(_title(points, summary, name), fontsize=9)
        _disc(disc, points)
        if len(points) == 1:
            _by_index(gaps, values, conditions, points[0], summary)
        else:
            _gaps(gaps, points, summary)
            _values(values, points, summary)
            _conditions(conditions, points, summary)
        save(figure, path)


def _title(points: Sequence[SpectrumPoint], summary: SpectrumSummary, name: str) -> str:
    eps = [point.row.eps for point in points]
    span = f"eps {eps[0]:.3g}" if len(eps) == 1 else f"eps {eps[0]:.3g} → {eps[-1]:.3g}"
    head = f"{Path(name).name}: Jacobian of one Sinkhorn sweep at the fixed point"
    return f"{head}\n{summary.norm} norm, {span} (cost units)"


def _by_index(
    gaps: Axes, values: Axes, conditions: Axes, point: SpectrumPoint, summary: SpectrumSummary
) -> None:
    """One temperature: everything against the number of the eigenvalue."""
    rows = point.eigenvalues
    panels = (
        (gaps, "gap", r"$1-\lambda_k$ (per sweep)", BLUE),
        (values, "eigenvalue", r"eigenvalue $\lambda_k$", BLUE),
        (conditions, "condition", f"condition of $\\lambda_k$ ({summary.norm} norm)", GREEN),
    )
    for axes, column, label, colour in panels:
        heights = [getattr(row, column) for row in rows]
        axes.plot([row.index for row in rows], heights, color=colour, marker="o", ms=3)
        axes.set_xlabel("index k (k = 1 is the constants)")
        axes.set_ylabel(label)
    log_scale(gaps)
    values.set_ylim(-0.03, 1.05)
    conditions.set_ylim(bottom=0.0)


def _gaps(axes: Axes, points: Sequence[SpectrumPoint], summary: SpectrumSummary) -> None:
    eps = [point.row.eps for point in points]
    for k in range(_curves(points)):
        curve = [_pick([row.gap for row in point.eigenvalues], k) for point in points]
        label = r"$1-\lambda_2$ (gap)" if k == 0 else r"$1-\lambda_k$, next" if k == 1 else None
        axes.plot(
            eps,
            curve,
            color=BLUE if k == 0 else "0.6",
            lw=1.6 if k == 0 else 0.7,
            marker="o" if k == 0 else None,
            ms=3,
            label=label,
            zorder=3 if k == 0 else 2,
        )
    log_scale(axes)
    axes.set_ylabel(r"$1-\lambda$ (per sweep)")
    _freeze(axes, summary)
    _eps_axis(axes)


def _values(axes: Axes, points: Sequence[SpectrumPoint], summary: SpectrumSummary) -> None:
    eps = [point.row.eps for point in points]
    for k in range(_curves(points)):
        curve = [_pick([row.eigenvalue for row in point.eigenvalues], k) for point in points]
        label = r"$\lambda_2=\rho$" if k == 0 else r"$\lambda_k$, next" if k == 1 else None
        axes.plot(
            eps,
            curve,
            color=BLUE if k == 0 else "0.6",
            lw=1.6 if k == 0 else 0.7,
            marker="o" if k == 0 else None,
            ms=3,
            label=label,
            zorder=3 if k == 0 else 2,
        )
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel(r"eigenvalue $\lambda$")
    _freeze(axes, summary)
    _eps_axis(axes)


def _disc(axes: Axes, points: Sequence[SpectrumPoint]) -> None:
    import numpy as np

    angle = np.linspace(0.0, 2 * np.pi, 361)
    axes.plot(np.cos(angle), np.sin(angle), color=BLACK, lw=0.8)
    axes.axhline(0.0, color="0.5", lw=0.5)
    axes.axvline(0.0, color="0.5", lw=0.5)
    count = min(DISC_ROWS, len(points))
    chosen = [points[round(i * (len(points) - 1) / max(count - 1, 1))] for i in range(count)]
    styles = ((RED, "o"), (ORANGE, "s"), (GREEN, "^"), (BLUE, "D"))
    # The spectrum is real; each temperature has its own height so that none hides another.
    for place, (point, (colour, marker)) in enumerate(zip(chosen, styles, strict=False)):
        values = [row.eigenvalue for row in point.eigenvalues]
        height = 0.24 * ((count - 1) / 2 - place)
        axes.plot(
            values,
            [height] * len(values),
            ls="none",
            marker=marker,
            ms=4,
            mfc="none",
            color=colour,
            label=f"eps = {point.row.eps:.3g}",
        )
    axes.set_aspect("equal")
    axes.set_xlim(-1.1, 1.1)
    axes.set_ylim(-1.1, 1.1)
    axes.set_xlabel(r"Re $\lambda$ (all are real" + ("; drawn apart by eps)" if count > 1 else ")"))
    axes.set_ylabel(r"Im $\lambda$")
    axes.legend(loc="center left", bbox_to_anchor=(0.06, 0.5), fontsize=7, framealpha=1.0)


def _conditions(axes: Axes, points: Sequence[SpectrumPoint], summary: SpectrumSummary) -> None:
    eps = [point.row.eps for point in points]
    columns = (
        ("kappa_V", r"$\kappa(V)$", RED, "-", "o"),
        ("eigenvalue_condition", r"condition of $\lambda_2$", GREEN, "--", "^"),
        ("transient_peak", r"$\max_k \Vert J^k\Vert$", BLUE, ":", "s"),
        ("departure_from_normality", "departure from normality", ORANGE, "-.", "D"),
    )
    for column, label, colour, line, marker in columns:
        values = [getattr(point.row, column) for point in points]
        if any(math.isfinite(value) for value in values):
            axes.plot(eps, values, color=colour, ls=line, marker=marker, ms=3, label=label)
    axes.set_ylabel(f"condition ({summary.norm} norm)")
    axes.set_ylim(bottom=0.0)
    _freeze(axes, summary)
    _eps_axis(axes)


def _freeze(axes: Axes, summary: SpectrumSummary) -> None:
    if not math.isnan(summary.eps_freeze):
        label = f"freeze, K = {summary.iters}: {summary.eps_freeze:.3g}"
        axes.axvline(summary.eps_freeze, color=BLACK, ls="--", lw=1.0, label=label)


def _eps_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("temperature eps (cost units)")
    axes.legend(loc="best")


def _curves(points: Sequence[SpectrumPoint]) -> int:
    return min(LEADING, max(len(point.eigenvalues) for point in points))


def _pick(values: Sequence[float], k: int) -> float:
    return values[k] if k < len(values) else math.nan
