"""The parts of a plan that nearly falls apart, and the mass that passes between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.numerics.kernels import LabelArray
from sinkdiag.solver.parts_kernels import label_parts
from sinkdiag.solver.scaling import Scaling


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Components of the plan's strong entries: a label for each row and each column."""

    row: LabelArray
    col: LabelArray
    count: int


def find_parts(state: Scaling) -> Parts:
    """Parts joined by less than `link` whose two marginals carry the same mass.

    Where the masses differ some flux must pass, however weak the ties are; the bar is then
    lowered until only balanced parts remain.
    """
    settings, row, col = state.settings, state.row, state.col
    link = settings.link
    n = len(row)
    label = np.empty(n + len(col), dtype=np.int32)
    while True:
        count = label_parts(state.kernel, state.u, state.v, row, col, link, label)
        parts = Parts(row=label[:n], col=label[n:], count=count)
        if count == 1:
            return parts
        surplus = np.bincount(parts.row, row, parts.count)
        surplus -= np.bincount(parts.col, col, parts.count)
        if float(np.abs(surplus).max()) <= settings.equal_mass * float(row.sum()):
            return parts
        link *= 1e-2
        if link < settings.lowest_link:
            label[:] = 0
            return Parts(row=label[:n], col=label[n:], count=1)
