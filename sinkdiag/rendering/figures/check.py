"""The figure of ``check``: error of K sweeps against eps, and the sweeps that are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.errors import NothingToDrawError
from sinkdiag.rendering.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    RED,
    new_figure,
    shown_name,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What is called right, and the smallest error that is drawn: below it there is only rounding.
RIGHT, FLOOR = 0.01, 1e-9


@dataclass(frozen=True, kw_only=True)
class CheckCurves:
    """One matrix.

    ``errors`` holds one curve for each of ``counts`` sweeps along ``eps``, ``needed`` the sweeps
    for 1 % (nan: more than ``most``); ``given`` are the temperatures in question.
    """

    name: str
    start: str
    iters: int
    given: Sequence[float]
    eps: Sequence[float]
    counts: Sequence[int]
    errors: Sequence[Sequence[float]]
    needed: Sequence[float]
    most: int


def draw(curves: CheckCurves) -> Figure:
    """Both curves.

    Raises
    ------
    NothingToDrawError
        When no fixed point was found.
    """
    if all(math.isnan(value) for curve in curves.errors for value in curve):
        raise NothingToDrawError("no fixed point was found")
    with styled():
        figure = new_figure(8.6, 3.8)
        errors, needed = figure.subplots(1, 2)
        start = "zero" if curves.start == "cold" else "carried potentials"
        figure.suptitle(
            f"{shown_name(curves.name)}: a layer of K = {curves.iters} sweeps from {start} beside "
            f"its fixed point\ntotal variation, eps {curves.eps[0]:.3g} → {curves.eps[-1]:.3g} "
            "(cost units)",
            fontsize=9,
        )
        _errors(errors, curves)
        _needed(needed, curves)
        for axes in (errors, needed):
            for place, eps in enumerate(curves.given):
                label = "eps of the layer" if place == 0 else None
                axes.axvline(eps, color=BLACK, lw=0.9, ls="--", label=label)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel("temperature eps (cost units)")
            axes.legend(loc="best")
        return figure


def _errors(axes: Axes, curves: CheckCurves) -> None:
    styles = ((GREEN, "^", ":"), (BLUE, "o", "-"), (ORANGE, "s", "-."))
    # The user's own K is the blue one, whether or not there is one on either side.
    offset = 1 - list(curves.counts).index(curves.iters)
    for place, (count, values) in enumerate(zip(curves.counts, curves.errors, strict=True)):
        colour, marker, line = styles[place + offset]
        axes.plot(
            curves.eps,
            [value if value >= FLOOR else math.nan for value in values],
            color=colour,
            marker=marker,
            ls=line,
            ms=3,
            label=f"K = {count}",
        )
    axes.axhline(RIGHT, color=RED, lw=0.9, label="1 %")
    axes.set_ylim(FLOOR, 1.5)
    axes.set_ylabel(r"$\Vert P_K-P^*\Vert_1/(2N)$ (share of the mass)")


def _needed(axes: Axes, curves: CheckCurves) -> None:
    axes.plot(curves.eps, curves.needed, color=BLUE, marker="o", ms=3, label="sweeps for 1 %")
    beyond = [eps for eps, value in zip(curves.eps, curves.needed, strict=True)
              if math.isnan(value)]  # fmt: skip
    if beyond:
        axes.plot(
            beyond,
            [curves.most] * len(beyond),
            color=BLUE,
            marker="^",
            mfc="none",
            ls="none",
            ms=4,
            label=f"more than {curves.most:,}",
        )
    axes.axhline(curves.iters, color=RED, lw=0.9, label=f"K = {curves.iters}")
    axes.set_ylabel("sweeps K that are right to 1 %")
