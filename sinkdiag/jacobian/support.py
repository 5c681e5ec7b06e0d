"""The active support of a plan: the entries that matter, and how they hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.components import bipartite_components
from sinkdiag.numerics.gth import column_weights

DEFAULT_THETA = 1e-3
# Rows that are compared at a time, so that no second array of the plan's size is made.
_ROWS = 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class ActiveSupport:
    """S = {(i, j): P_ij >= theta · min(max of row i, max of column j)}, as a bipartite graph.

    Attributes
    ----------
    mask:
        Shape (n, m), True on S. Every row and every column holds at least one entry of S.
    components:
        Connected components of the graph with an edge for every entry of S.
    row_labels, col_labels:
        The component of each row (n,) and each column (m,), from 0.
    theta:
        The threshold.
    """

    mask: NDArray[np.bool_]
    components: int
    row_labels: NDArray[np.int32]
    col_labels: NDArray[np.int32]
    theta: float

    @property
    def size(self) -> int:
        """How many entries S holds."""
        return int(np.count_nonzero(self.mask))

    def same_as(self, other: ActiveSupport | None) -> bool:
        """Whether both hold the same entries; a support next to none counts as the same."""
        return other is None or bool(np.array_equal(self.mask, other.mask))


def support_of(plan: FloatArray, theta: float = DEFAULT_THETA) -> ActiveSupport:
    """The active support of a plan (n, m) and its connected components.

    Source: arXiv 2601.23039, appendix A.1, with a threshold relative to the row's or the column's
    largest entry, so that S is never empty and does not depend on the unit of mass.

    Raises
    ------
    ValueError
        Unless 0 < theta <= 1.
    """
    if not 0.0 < theta <= 1.0:
        raise ValueError(f"theta must lie in (0, 1], not {theta}")
    row_top = plan.max(axis=1, keepdims=True)
    col_top = plan.max(axis=0, keepdims=True)
    mask = np.empty(plan.shape, dtype=bool)
    for start in range(0, len(plan), _ROWS):
        part = slice(start, start + _ROWS)
        mask[part] = plan[part] >= theta * np.minimum(row_top[part], col_top)
    found = bipartite_components(mask)
    return ActiveSupport(
        mask=mask,
        components=found.count,
        row_labels=found.row,
        col_labels=found.col,
        theta=theta,
    )


def bifurcations(supports: list[ActiveSupport]) -> list[bool]:
    """For each support of a grid of temperatures, whether it differs from the one before it.

    The first one has none before it: False. Source: arXiv 2601.23039, appendix A.1.
    """
    before = [None, *supports]
    return [not now.same_as(then) for now, then in zip(supports, before, strict=False)]


def active_schur(plan: FloatArray, mask: NDArray[np.bool_]) -> FloatArray:
    """Schur complement of the block operator of P masked to S, its diagonals from it, (m, m).

    L_S = diag(c_S) - P_S' diag(1/r_S) P_S, r_S and c_S the row and column sums of P_S: a graph
    Laplacian with one null direction for each component of S.
    """
    masked = np.where(mask, plan, 0.0)
    weights = column_weights(masked, masked.sum(axis=1))
    return np.asarray(np.diag(weights.sum(axis=1)) - weights)
