"""Pseudospectra: level curves of ‖(z-J)^{-1}‖, one panel for each temperature and norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.figures.style import BLACK, ORANGE, RED, new_figure, shown_name, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from sinkdiag.resolvent.pseudospectrum import Pseudospectrum, PseudospectrumSummary

MOST_PANELS = 12
_COLUMNS = 4
_MOST_LEVELS = 10
_LONGEST_NAME = 24
# log10 of sigma_min where there is no number: every curve goes round such a point.
_HIDDEN = -320.0


def draw(pseudospectra: Sequence[Pseudospectrum]) -> Figure:
    """Panels side by side with shared levels and colours.

    Temperatures run from left to right; several norms make one line of panels each.

    Raises
    ------
    NothingToDrawError
        When no norm on any grid is resolved and above 0.
    """
    if not any((found.norms > 0.0).any() for found in pseudospectra):
        raise NothingToDrawError("no resolvent norm is resolved and above 0")
    with styled():
        placed, lines, columns = _places(pseudospectra)
        ratio = _ratio(pseudospectra)
        side = min(5.2, 5.8 / ratio) if len(placed) == 1 else 3.1
        figure = new_figure(side * columns + 1.3, lines * (side * ratio + 0.9) + 0.7)
        panels = figure.subplots(lines, columns, squeeze=False)
        levels = _levels(pseudospectra)
        colours = _colours(len(levels))
        several = len({found.summary.source for found in pseudospectra}) > 1
        for place, axes in np.ndenumerate(panels):
            found = placed.get((place[0], place[1]))
            if found is None:
                axes.set_axis_off()
                continue
            _curves(axes, found, levels, colours)
            _landmarks(axes, found)
            _frame(axes, found, several=several)
            if place[1] == 0:
                axes.set_ylabel(f"Im z{_unit(found.summary)}")
        _level_bar(figure, panels, levels, colours)
        _legend(figure, panels, columns)
        return figure


def _ratio(pseudospectra: Sequence[Pseudospectrum]) -> float:
    """Height over width of the tallest panel."""
    grids = [found.grid for found in pseudospectra]
    ratios = [float((g.im[-1] - g.im[0]) / (g.re[-1] - g.re[0])) for g in grids]
    return min(max(max(ratios), 0.3), 2.0)


def _places(
    pseudospectra: Sequence[Pseudospectrum],
) -> tuple[dict[tuple[int, int], Pseudospectrum], int, int]:
    """Where each goes, and the lines and columns needed."""
    norms = list(dict.fromkeys(found.summary.norm for found in pseudospectra))
    if len(norms) > 1 and len(pseudospectra) % len(norms) == 0:
        seen = dict.fromkeys(norms, 0)
        placed = {}
        for found in pseudospectra:
            norm = found.summary.norm
            placed[norms.index(norm), seen[norm]] = found
            seen[norm] += 1
        return placed, len(norms), max(seen.values())
    columns = min(len(pseudospectra), _COLUMNS)
    placed = {divmod(i, columns): found for i, found in enumerate(pseudospectra)}
    return placed, math.ceil(len(pseudospectra) / columns), columns


def _levels(pseudospectra: Sequence[Pseudospectrum]) -> list[float]:
    """All levels that some panel asks for, ascending; thinned when there are too many."""
    radii = [radius for found in pseudospectra for radius in found.summary.radii]
    wanted = sorted({round(math.log10(radius.level), 9) for radius in radii})
    step = math.ceil(len(wanted) / _MOST_LEVELS)
    return [10.0**power for power in wanted[::-1][::step][::-1]] if wanted else []


def _colours(count: int) -> list[Any]:
    import matplotlib as mpl

    # Small levels (near the spectrum) dark, large ones bright; the pale end is left out.
    scale: Colormap = mpl.colormaps["viridis"]
    return [scale(0.92 * i / max(count - 1, 1)) for i in range(count)]


def _curves(
    axes: Axes, found: Pseudospectrum, levels: Sequence[float], colours: Sequence[Any]
) -> None:
    sigma = _log_sigma(found)
    powers = [math.log10(level) for level in levels]
    if not np.isfinite(sigma).any():
        return
    low, high = np.nanmin(sigma), np.nanmax(sigma)
    shown = [i for i, power in enumerate(powers) if low < power < high]
    if shown:
        axes.contour(
            found.grid.re,
            found.grid.im,
            sigma,
            levels=[powers[i] for i in shown],
            colors=[colours[i] for i in shown],
            linestyles="solid",
            linewidths=1.3,
        )


def _log_sigma(found: Pseudospectrum) -> FloatArray:
    """log10 of sigma_min(z-J); far below every level on eigenvalues and below resolution."""
    with np.errstate(divide="ignore"):
        sigma = -np.log10(found.norms)
    hidden = np.isneginf(sigma) | (np.isnan(sigma) & (found.summary.unresolved > 0))
    return np.where(hidden, _HIDDEN, sigma)


def _frame(axes: Axes, found: Pseudospectrum, *, several: bool) -> None:
    axes.set_aspect("equal")
    axes.set_xlim(found.grid.re[0], found.grid.re[-1])
    axes.set_ylim(found.grid.im[0], found.grid.im[-1])
    axes.set_xlabel(f"Re z{_unit(found.summary)}")
    axes.set_title(_title(found.summary, several=several))


def _legend(figure: Figure, panels: Any, columns: int) -> None:
    entries: dict[str, Any] = {}
    for axes in panels.flat:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=min(len(entries), 3 * columns),
    )


def _landmarks(axes: Axes, found: Pseudospectrum) -> None:
    """Eigenvalues, unit circle, numerical range, and where each pseudospectral radius is met."""
    turn = np.linspace(0.0, 2.0 * math.pi, 721)
    axes.plot(np.cos(turn), np.sin(turn), color="0.45", lw=1.0, ls="--", label="unit circle")
    corners = found.numerical_range
    if len(corners):
        closed = np.append(corners, corners[0])
        axes.plot(closed.real, closed.imag, color=ORANGE, lw=1.0, ls=":", label="numerical range")
    values = found.eigenvalues
    size = 4.0 if len(values) <= 150 else 2.5
    axes.plot(
        values.real, values.imag, ls="", marker=".", ms=size, color=BLACK, label="eigenvalues"
    )
    outer = [r.point for r in found.summary.radii if r.lower > 1.0]
    if outer:
        axes.plot(
            [x for x, _ in outer],
            [y for _, y in outer],
            ls="",
            marker="x",
            ms=5,
            color=RED,
            label="pseudospectral radius > 1",
        )
    reach = [s for s in found.summary.structured if math.isfinite(s.low)]
    for number, shift in enumerate(reach):
        axes.plot(
            np.clip([shift.low, shift.high], found.grid.re[0], found.grid.re[-1]),
            [0.0, 0.0],
            color=RED,
            lw=3.0,
            alpha=0.5,
            solid_capstyle="butt",
            label="reach of cost changes" if number == 0 else None,
        )


def _level_bar(figure: Any, panels: Any, levels: Sequence[float], colours: Sequence[Any]) -> None:
    """A discrete bar, one band a curve, like EigTool's: log10 of the level."""
    if not levels:
        return
    import matplotlib as mpl

    scale = mpl.colors.ListedColormap(list(colours))
    bounds = np.arange(len(levels) + 1) - 0.5
    mappable = mpl.cm.ScalarMappable(mpl.colors.BoundaryNorm(bounds, scale.N), scale)
    ticks = np.arange(len(levels))
    bar = figure.colorbar(mappable, ax=panels, ticks=ticks, shrink=0.8, aspect=25, pad=0.02)
    bar.ax.set_yticklabels([f"{math.log10(level):g}" for level in levels])
    bar.ax.grid(visible=False)
    bar.set_label(r"$\log_{10}\epsilon$,  curves $\Vert(z-J)^{-1}\Vert=1/\epsilon$")


def _title(summary: PseudospectrumSummary, *, several: bool) -> str:
    """Whose pseudospectrum, at which temperature, in which norm."""
    user = math.isnan(summary.eps)
    source = PurePath(summary.source).name
    if len(source) > _LONGEST_NAME:
        source = f"…{source[-_LONGEST_NAME:]}"
    first = [shown_name(source)] if user or several else []
    first += [] if user else [f"eps = {summary.eps:.3g}"]
    first += [f"K = {summary.iters}"] if summary.iters else []
    second = f"{summary.norm} norm, order {summary.order}"
    if math.isnan(summary.kappa_V):
        second += ": below resolution"
    else:
        second += rf", $\kappa(V)$ = {_number(summary.kappa_V)}"
        if 1.0 < summary.kreiss.lower < math.inf:
            second += f", Kreiss {summary.kreiss.lower:.4g}"
    return f"{', '.join(first)}\n{second}"


def _unit(summary: PseudospectrumSummary) -> str:
    """What eigenvalues and z are counted in; nothing is known of a user's matrix."""
    if math.isnan(summary.eps):
        return ""
    return f" (per {summary.iters} sweeps)" if summary.iters else " (per sweep)"


def _number(value: float) -> str:
    return r"$\infty$" if math.isinf(value) else f"{value:.3g}"
