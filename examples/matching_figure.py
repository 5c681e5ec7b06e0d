"""Gradient norms over the epochs of what `train_matching.py` has trained: one panel a family."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matching_tables import EPOCH, FAMILIES

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
# The families that are tuned, and the slopes and signals known beforehand.
PANELS = (*FAMILIES, "known beforehand")


def panel_of(schedule: str) -> str:
    """The family of a schedule."""
    found = [family for family in FAMILIES if schedule.startswith(family)]
    return found[0] if found else PANELS[-1]


def draw(path: Path, setting: str, traces: Sequence[Mapping[str, object]]) -> None:
    """Geometric mean over the reported seeds of each epoch's median norm; bands: 95 %."""
    from matplotlib.figure import Figure

    rows = [row for row in traces if row["setting"] == setting]
    figure = Figure(figsize=(9, 9), layout="constrained")
    places = figure.subplots(4, 2, sharex=True, sharey=True).ravel()
    for place, panel in zip(places, PANELS, strict=False):
        names = [n for n in dict.fromkeys(str(r["schedule"]) for r in rows) if panel_of(n) == panel]
        for colour, name in zip(COLOURS, names, strict=False):
            run = [row for row in rows if row["schedule"] == name]
            x = [int(str(row["epoch"])) for row in run]
            mean, low, high = (
                [float(str(row[key])) for row in run]
                for key in ("gradient", "gradient_low", "gradient_high")
            )
            place.semilogy(x, mean, color=colour, lw=1.2, label=name)
            finite = [not math.isnan(value) for value in low]
            place.fill_between(x, low, high, where=finite, color=colour, alpha=0.15, lw=0)
        place.legend(fontsize=7, loc="best")
        place.grid(alpha=0.3)
    for place in places[len(PANELS) :]:
        place.set_visible(False)
    places[len(PANELS) - 2].tick_params(labelbottom=True)
    figure.supxlabel(f"epoch of {EPOCH} steps")
    figure.supylabel("gradient norm of all parameters")
    figure.suptitle(f"{setting}: geometric mean of the reported seeds, 95 % of it shaded")
    figure.savefig(path, dpi=80)
    # Few colours: half the size.
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256)
    small.save(path, optimize=True)
