"""The stack's figure: layers × sites by what mixes, and the composite over depth."""

from __future__ import annotations

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

# A signal counts as uniform below this contrast.
UNIFORM = 1e-2
MARKS = {"frozen": "F", "uniform": "U", "broken": "B"}
# Columns of the map beyond which every verdict has no letter of its own size any more.
_MANY = 64


@dataclass(frozen=True, kw_only=True)
class StackMap:
    """One network: its sites in order, and the composites of growing depth of one part."""

    name: str
    implementation: str
    loop: str
    layers: Sequence[int]
    sites: Sequence[str]
    stems: Sequence[str]
    sigma_2: Sequence[float]
    verdicts: Sequence[str]
    part: str
    product_sigma_2: Sequence[float]
    contrast: Sequence[float]
    forward: Sequence[float]
    backward: Sequence[float]


def draw(content: StackMap) -> Figure:
    """The map above, the composite below."""
    with styled():
        figure = new_figure(8.6, 6.4)
        figure.suptitle(
            f"{shown_name(content.name)}: {content.implementation}\n{content.loop} (static logits)",
            fontsize=9,
        )
        top, *below = figure.subplot_mosaic(
            [["map", "map"], ["signal", "gains"]], height_ratios=[1, 1.2]
        ).values()
        _map(figure, top, content)
        if content.product_sigma_2:
            _signal(below[0], content)
            _gains(below[1], content)
        else:
            for axes in below:
                axes.set_axis_off()
        return figure


def _map(figure: Figure, axes: Axes, content: StackMap) -> None:
    """σ_2 by layer and site; letters are verdicts, none means mixing."""
    import numpy as np

    columns = list(dict.fromkeys(zip(content.stems, content.layers, strict=True)))
    names = list(dict.fromkeys(content.sites))
    values = np.full((len(names), len(columns)), np.nan)
    for place, mixing in enumerate(content.sigma_2):
        spot = _spot(content, place, columns, names)
        values[spot] = mixing
        mark = MARKS.get(content.verdicts[place])
        if mark is not None:
            size = 7 if len(columns) <= _MANY else 4
            axes.text(
                spot[1], spot[0], mark, ha="center", va="center", fontsize=size, color=BLACK,
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"},
            )  # fmt: skip
    image = axes.imshow(values, aspect="auto", cmap="cividis", vmin=0.0, vmax=1.0)
    axes.grid(visible=False)
    axes.set_yticks(range(len(names)), [shown_name(name) if name else "" for name in names])
    step = max(1, len(columns) // 16)
    shown = range(0, len(columns), step)
    several = len(set(content.stems)) > 1
    axes.set_xticks(
        shown,
        [
            f"{shown_name(columns[k][0])} {columns[k][1]}" if several else str(columns[k][1])
            for k in shown
        ],
    )
    axes.set_xlabel("layer (F frozen, U uniform, B broken; no letter: mixing)")
    axes.set_ylabel("site")
    figure.colorbar(image, ax=axes, label=r"$\sigma_2$ of the matrix (1: unmixed)")


def _spot(
    content: StackMap, place: int, columns: list[tuple[str, int]], names: list[str]
) -> tuple[int, int]:
    column = columns.index((content.stems[place], content.layers[place]))
    return names.index(content.sites[place]), column


def _signal(axes: Axes, content: StackMap) -> None:
    depth = range(1, len(content.contrast) + 1)
    axes.plot(depth, content.product_sigma_2, color=BLUE, marker="o", ms=2.5, label=r"$\sigma_2$")
    axes.plot(
        depth, content.contrast, color=ORANGE, ls="--", marker="s", ms=2.5,
        label="distance to uniform",
    )  # fmt: skip
    axes.axhline(UNIFORM, color=BLACK, lw=0.8, ls=":", label="uniform to 1 %")
    log_scale(axes)
    _depth_axis(axes, content)
    axes.set_ylabel(r"of $H_d \cdots H_1$ (total variation, or $\sigma_2$)")
    axes.legend(loc="best")


def _gains(axes: Axes, content: StackMap) -> None:
    depth = range(1, len(content.forward) + 1)
    axes.plot(depth, content.forward, color=GREEN, marker="o", ms=2.5, label="forward (rows)")
    axes.plot(
        depth, content.backward, color=RED, ls="--", marker="s", ms=2.5, label="backward (columns)"
    )
    axes.ticklabel_format(axis="y", useOffset=False)
    _depth_axis(axes, content)
    axes.set_ylabel(r"gain of $H_d \cdots H_1$ (largest absolute sum)")
    axes.legend(loc="best")


def _depth_axis(axes: Axes, content: StackMap) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    part = f" ({shown_name(content.part)})" if content.part else ""
    axes.set_xlabel(f"sites passed, d{part}")
