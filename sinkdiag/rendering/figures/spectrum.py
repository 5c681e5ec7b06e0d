"""The spectrum's figure: gap and eigenvalues against eps, the unit circle, condition numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.rendering.figures.style import (
    BLACK,
    BLUE,
    GREEN,
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

# Curves of eigenvalues that are drawn; a thousand would be one grey patch.
LEADING = 8
# Temperatures shown on the unit circle.
DISC_ROWS = 4


@dataclass(frozen=True, kw_only=True)
class SpectrumCurves:
    """Spectra of one matrix, warmest first.

    ``gaps``, ``eigenvalues`` and ``conditions`` hold one list a temperature, from the slowest mode
    on; the other curves one number a temperature, as the columns of the same names.
    """

    name: str
    norm: str
    iters: int
    eps_freeze: float
    eps: Sequence[float]
    gaps: Sequence[Sequence[float]]
    eigenvalues: Sequence[Sequence[float]]
    conditions: Sequence[Sequence[float]]
    kappa_V: Sequence[float]  # noqa: N815 - the contract's name
    eigenvalue_condition: Sequence[float]
    transient_peak: Sequence[float]
    departure: Sequence[float]


def draw(curves: SpectrumCurves) -> Figure:
    """Gaps, eigenvalues and conditioning of one matrix."""
    with styled():
        figure = new_figure(8.6, 7.0)
        (gaps, disc), (values, conditions) = figure.subplots(2, 2)
        figure.suptitle(_title(curves), fontsize=9)
        _disc(disc, curves)
        if len(curves.eps) == 1:
            _by_index(gaps, values, conditions, curves)
        else:
            _against_eps(gaps, curves, curves.gaps, r"$1-\lambda_2$ (gap)", r"$1-\lambda_k$, next")
            log_scale(gaps)
            gaps.set_ylabel(r"$1-\lambda$ (per sweep)")
            _against_eps(
                values, curves, curves.eigenvalues, r"$\lambda_2=\rho$", r"$\lambda_k$, next"
            )
            values.set_ylim(-0.03, 1.05)
            values.set_ylabel(r"eigenvalue $\lambda$ (per sweep)")
            _conditions(conditions, curves)
            for axes in (gaps, values, conditions):
                _freeze(axes, curves)
                _eps_axis(axes)
        return figure


def _title(curves: SpectrumCurves) -> str:
    eps = curves.eps
    span = f"eps {eps[0]:.3g}" if len(eps) == 1 else f"eps {eps[0]:.3g} → {eps[-1]:.3g}"
    head = f"{shown_name(curves.name)}: Jacobian of one Sinkhorn sweep at the fixed point"
    return f"{head}\n{curves.norm} norm, {span} (cost units)"


def _by_index(gaps: Axes, values: Axes, conditions: Axes, curves: SpectrumCurves) -> None:
    """One temperature: everything against the number of the eigenvalue."""
    from matplotlib.ticker import MaxNLocator

    panels = (
        (gaps, curves.gaps[0], r"$1-\lambda_k$ (per sweep)", BLUE),
        (values, curves.eigenvalues[0], r"eigenvalue $\lambda_k$ (per sweep)", BLUE),
        (
            conditions,
            curves.conditions[0],
            f"condition of $\\lambda_k$ ({curves.norm} norm)",
            GREEN,
        ),
    )
    for axes, heights, label, colour in panels:
        axes.plot(range(2, 2 + len(heights)), heights, color=colour, marker="o", ms=3)
        axes.set_xlabel("index k (k = 1 is the constants)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(label)
    log_scale(gaps)
    values.set_ylim(-0.03, 1.05)
    conditions.set_ylim(bottom=0.0)


def _against_eps(
    axes: Axes,
    curves: SpectrumCurves,
    groups: Sequence[Sequence[float]],
    first: str,
    following: str,
) -> None:
    """The leading modes against eps, the slowest one in colour."""
    count = min(LEADING, max(len(group) for group in groups))
    for k in range(count):
        axes.plot(
            curves.eps,
            [_pick(group, k) for group in groups],
            color=BLUE if k == 0 else "0.6",
            lw=1.6 if k == 0 else 0.7,
            marker="o" if k == 0 else None,
            ms=3,
            label=first if k == 0 else following if k == 1 else None,
            zorder=3 if k == 0 else 2,
        )


def _disc(axes: Axes, curves: SpectrumCurves) -> None:
    """The spectra beside the unit circle: real, so each temperature has a line of its own."""
    count = min(DISC_ROWS, len(curves.eps))
    last = len(curves.eps) - 1
    chosen = [round(i * last / max(count - 1, 1)) for i in range(count)]
    styles = ((RED, "o"), (ORANGE, "s"), (GREEN, "^"), (BLUE, "D"))
    for place, (index, (colour, marker)) in enumerate(zip(chosen, styles, strict=False)):
        values = curves.eigenvalues[index]
        axes.plot(
            values, [place] * len(values), ls="none", marker=marker, ms=4, mfc="none", color=colour
        )
    axes.axvline(1.0, color=BLACK, lw=0.8, label=r"$\lambda = 1$")
    axes.set_xlim(-0.05, 1.08)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks(range(count), [f"{curves.eps[index]:.3g}" for index in chosen])
    axes.set_xlabel(r"eigenvalues $\lambda_k$ (real; per sweep)")
    axes.set_ylabel("temperature eps (cost units)")
    axes.legend(loc="lower left")


def _conditions(axes: Axes, curves: SpectrumCurves) -> None:
    columns = (
        (curves.kappa_V, r"$\kappa(V)$", RED, "-", "o"),
        (curves.eigenvalue_condition, r"condition of $\lambda_2$", GREEN, "--", "^"),
        (curves.transient_peak, r"$\max_k \Vert J^k\Vert$", BLUE, ":", "s"),
        (curves.departure, "departure from normality", ORANGE, "-.", "D"),
    )
    for values, label, colour, line, marker in columns:
        if any(math.isfinite(value) for value in values):
            axes.plot(curves.eps, values, color=colour, ls=line, marker=marker, ms=3, label=label)
    axes.set_ylabel(f"condition ({curves.norm} norm)")
    axes.set_ylim(bottom=0.0)


def _freeze(axes: Axes, curves: SpectrumCurves) -> None:
    if curves.eps[-1] <= curves.eps_freeze <= curves.eps[0]:
        label = f"freeze, K = {curves.iters}: {curves.eps_freeze:.3g}"
        axes.axvline(curves.eps_freeze, color=BLACK, ls="--", lw=1.0, label=label)


def _eps_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("temperature eps (cost units)")
    axes.legend(loc="best")


def _pick(values: Sequence[float], k: int) -> float:
    return values[k] if k < len(values) else math.nan
