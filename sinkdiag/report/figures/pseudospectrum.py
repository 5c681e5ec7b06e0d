"""Pseudospectra: level curves of ‖(z-J)^{-1}‖, one panel for each temperature and norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from sinkdiag.report.figures.style import BLACK, ORANGE, RED, new_figure, save, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from sinkdiag.studies.portrait import Portrait

MOST_PANELS = 12
_COLUMNS = 4
_MOST_LEVELS = 10


def draw(portraits: Sequence[Portrait], path: str) -> None:
    """Draw portraits side by side, with shared levels and colours, and save to ``path``.

    Temperatures run from left to right; several norms make one line of panels each.
    """
    with styled():
        placed, lines, columns = _places(portraits)
        ratio = _ratio(portraits)
        side = min(5.2, 5.8 / ratio) if len(placed) == 1 else 3.1
        width, height = side * columns + 1.3, lines * (side * ratio + 0.9) + 0.7
        figure = new_figure(width, height)
        panels = figure.subplots(lines, columns, squeeze=False)
        levels = _levels(portraits)
        colours = _colours(len(levels))
        for line in range(lines):
            for column in range(columns):
                if (line, column) not in placed:
                    panels[line, column].set_axis_off()
        for (line, column), portrait in placed.items():
            axes = panels[line, column]
            _panel(axes, portrait, levels, colours, label=column == 0)
        _level_bar(figure, panels, levels, colours)
        entries: dict[str, Any] = {}
        for axes in panels.flat:
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
                entries.setdefault(name, handle)
        handles, labels = list(entries.values()), list(entries)
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(len(labels), 3 * columns)
        )
        save(figure, path)


def _ratio(portraits: Sequence[Portrait]) -> float:
    """Height over width of the tallest panel."""
    grids = [item.grid for item in portraits]
    ratios = [float((g.im[-1] - g.im[0]) / (g.re[-1] - g.re[0])) for g in grids]
    return min(max(max(ratios), 0.3), 2.0)


def _places(
    portraits: Sequence[Portrait],
) -> tuple[dict[tuple[int, int], Portrait], int, int]:
    """Where each portrait goes, and the lines and columns needed."""
    norms = list(dict.fromkeys(item.facts.norm for item in portraits))
    if len(norms) > 1 and len(portraits) % len(norms) == 0:
        columns = len(portraits) // len(norms)
        seen = dict.fromkeys(norms, 0)
        placed = {}
        for item in portraits:
            placed[norms.index(item.facts.norm), seen[item.facts.norm]] = item
            seen[item.facts.norm] += 1
        return placed, len(norms), columns
    columns = min(len(portraits), _COLUMNS)
    placed = {divmod(i, columns): item for i, item in enumerate(portraits)}
    return placed, math.ceil(len(portraits) / columns), columns


def _levels(portraits: Sequence[Portrait]) -> list[float]:
    """All levels that some portrait asks for, ascending; thinned when there are too many."""
    wanted = sorted({round(math.log10(r.level), 9) for p in portraits for r in p.facts.radii})
    step = math.ceil(len(wanted) / _MOST_LEVELS)
    return [10.0**power for power in wanted[::-1][::step][::-1]] if wanted else []


def _colours(count: int) -> list[Any]:
    import matplotlib as mpl

    # Small levels (near the spectrum) dark, large ones bright; the pale end is left out.
    scale: Colormap = mpl.colormaps["viridis"]
    return [scale(0.92 * i / max(count - 1, 1)) for i in range(count)]


def _panel(
    axes: Axes, portrait: Portrait, levels: Sequence[float], colours: Sequence[Any], *, label: bool
) -> None:
    grid, facts = portrait.grid, portrait.facts
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.log10(1.0 / portrait.norms)
    # On an eigenvalue, and where rounding hides the norm, every curve goes round the point.
    hidden = np.isneginf(sigma) | (np.isnan(sigma) & (facts.unresolved > 0))
    sigma = np.where(hidden, -320.0, sigma)
    powers = [math.log10(level) for level in levels]
    shown = (
        [i for i, p in enumerate(powers) if np.nanmin(sigma) < p < np.nanmax(sigma)]
        if (np.isfinite(sigma).any())
        else []
    )
    if shown:
        axes.contour(
            grid.re,
            grid.im,
            sigma,
            levels=[powers[i] for i in shown],
            colors=[colours[i] for i in shown],
            linestyles="solid",
            linewidths=1.3,
        )
    _landmarks(axes, portrait)
    axes.set_aspect("equal")
    axes.set_xlim(grid.re[0], grid.re[-1])
    axes.set_ylim(grid.im[0], grid.im[-1])
    axes.set_xlabel("Re z")
    if label:
        axes.set_ylabel("Im z")
    axes.set_title(_title(facts))


def _landmarks(axes: Axes, portrait: Portrait) -> None:
    """Eigenvalues, unit circle, numerical range, and where each pseudospectral radius is met."""
    turn = np.linspace(0.0, 2.0 * math.pi, 721)
    axes.plot(np.cos(turn), np.sin(turn), color="0.45", lw=1.0, ls="--", label="unit circle")
    corners = portrait.numerical_range
    if len(corners):
        closed = np.append(corners, corners[0])
        axes.plot(closed.real, closed.imag, color=ORANGE, lw=1.0, ls=":", label="numerical range")
    values = portrait.eigenvalues
    size = 4.0 if len(values) <= 150 else 2.5
    axes.plot(
        values.real, values.imag, ls="", marker=".", ms=size, color=BLACK, label="eigenvalues"
    )
    outer = [r.point for r in portrait.facts.radii if r.lower > 1.0]
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
    reach = [s for s in portrait.facts.structured if math.isfinite(s.low)]
    for number, shift in enumerate(reach):
        axes.plot(
            [shift.low, shift.high],
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


def _title(facts: Any) -> str:
    first = PurePath(facts.source).name if math.isnan(facts.eps) else f"eps = {facts.eps:.3g}"
    if facts.iters:
        first += f", K = {facts.iters}"
    second = f"{facts.norm} norm, order {facts.order}"
    if not math.isnan(facts.kappa_V):
        second += rf", $\kappa(V)$ = {facts.kappa_V:.3g}"
        if 1.0 < facts.kreiss.lower < math.inf:
            second += f", Kreiss {facts.kreiss.lower:.4g}"
    else:
        second += ": below resolution"
    return f"{first}\n{second}"
