"""Connected components of a bipartite graph: which rows and columns hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import BoolArray
from sinkdiag.numerics.kernels import LabelArray, label_components


@dataclass(frozen=True, kw_only=True, eq=False)
class Components:
    """The component of each row (n,) and of each column (m,), numbered from 0, and their number.

    Components are in the order of their first row; columns without an entry come last.
    """

    row: LabelArray
    col: LabelArray
    count: int


def bipartite_components(mask: BoolArray) -> Components:
    """Components of the graph with an edge between row i and column j for every true mask[i, j].

    ``mask`` has shape (n, m). A row or a column without an entry is a component of its own. Time
    O(n m), no memory beyond the labels: union-find, Tarjan, *J. ACM* 22 (1975).
    """
    n, m = mask.shape
    label = np.empty(n + m, dtype=np.int32)
    count = int(label_components(np.ascontiguousarray(mask), label))
    return Components(row=label[:n], col=label[n:], count=count)
