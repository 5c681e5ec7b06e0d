"""How every figure looks: colours that the colour-blind can tell apart, grey-safe line styles."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sinkdiag.errors import InputError
from sinkdiag.rendering.files import write_with
from sinkdiag.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): distinguishable with every common colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#000000",
)
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)

_SETTINGS: dict[Any, Any] = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.framealpha": 0.9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "sinkdiag",
}


@contextmanager
def styled() -> Iterator[None]:
    """The style, for the duration of a drawing; a user's own settings come back afterwards."""
    import matplotlib as mpl
    from cycler import cycler

    with mpl.rc_context({**_SETTINGS, "axes.prop_cycle": cycler(color=CYCLE)}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure (inches) that belongs to no window and needs no display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def shown_name(name: str) -> str:
    """The last part of a path as a title can hold it: nothing of it is read as mathematics."""
    return printable(PurePath(name).name).replace("$", r"\$")


def log_scale(axes: Axes, least: float = 0.0) -> None:
    """A logarithmic ordinate, where there is anything above 0 to show on it.

    It ends at this share of the largest value, if there are smaller ones.
    """
    import numpy as np

    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    shown = values[np.isfinite(values) & (values > 0)]
    if len(shown):
        axes.set_yscale("log", nonpositive="mask")
        top = shown.max()
        if shown.min() < least * top:
            axes.set_ylim(least * top, 3.0 * top)


def rendered(figure: Figure, path: str) -> bytes:
    """The figure in the format of the path's ending, without dates."""
    ending = path.rpartition(".")[2].lower()
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    stream = io.BytesIO()
    with styled():
        figure.savefig(stream, format=ending, metadata=metadata.get(ending))
    return stream.getvalue()


def save(figure: Figure, path: str) -> None:
    """Write the figure whole or not at all.

    Raises
    ------
    InputError
        When the path cannot be written, or its ending names no format of figures.
    """
    if not path.lower().endswith((".png", ".pdf", ".svg")):
        raise InputError(path, "the ending is not known", "use one of .png .pdf .svg")
    content = rendered(figure, path)
    write_with(path, lambda stream: stream.write(content))
