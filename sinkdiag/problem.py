"""One transport problem: a cost matrix with its marginals, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError, first_words

MarginalKind = Literal["unit", "probability"]

# Costs and masses beyond this, whose squares leave double precision, are refused.
LARGEST = 1e150
# Marginals that agree to this relative accuracy are taken as equal and rescaled to agree exactly.
_TOTAL_TOL = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A cost matrix (n, m), in the user's units, and positive marginals of equal total N.

    +inf entries of ``cost`` are forbidden pairs.
    """

    cost: FloatArray
    row: FloatArray
    col: FloatArray
    name: str = "cost"

    @property
    def total(self) -> float:
        """N, the mass that is transported."""
        return float(self.row.sum())

    @property
    def cost_range(self) -> float:
        """Largest minus smallest finite cost; 1 for a constant matrix, so that it can be a unit."""
        finite = self.cost[np.isfinite(self.cost)]
        span = float(finite.max() - finite.min())
        return span if span > 0 else 1.0


def make_problem(
    cost: ArrayLike,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    marginals: MarginalKind = "unit",
    name: str = "cost",
    origin: str | None = None,
) -> Problem:
    """Check a cost matrix and its marginals, and bind them together.

    Parameters
    ----------
    cost:
        Shape (n, m); finite, or +inf for a forbidden pair.
    row, col:
        Positive marginals of equal sums, shapes (n,) and (m,). A side left out takes ``marginals``,
        scaled to the total of the side that was given.
    marginals:
        ``unit``: row = 1, col = n/m. ``probability``: 1/n and 1/m.
    name:
        How messages call this matrix.
    origin:
        How they call what the marginals come from; None: ``name``.

    Raises
    ------
    InputError
        With the fault and the remedy.
    """
    matrix = check_cost(cost, name)
    n, m = matrix.shape
    total = float(n) if marginals == "unit" else 1.0
    given_row = None if row is None else check_marginal(row, n, "row", origin or name)
    given_col = None if col is None else check_marginal(col, m, "col", origin or name)
    if given_row is not None:
        total = float(given_row.sum())
    elif given_col is not None:
        total = float(given_col.sum())
    r = given_row if given_row is not None else np.full(n, total / n)
    c = given_col if given_col is not None else np.full(m, total / m)
    if abs(c.sum() - total) > _TOTAL_TOL * total:
        raise InputError(
            origin or name,
            f"the marginals have different totals (rows {total:.17g}, columns {c.sum():.17g})",
            "scale one of them so that both carry the same mass",
        )
    return Problem(cost=matrix, row=r, col=c * (total / c.sum()), name=name)


def check_cost(cost: ArrayLike, name: str = "cost") -> FloatArray:
    """A finite (or +inf) real (n, m) array in float64, or an `InputError`."""
    array = check_real(cost, name)
    if array.ndim != 2:
        raise InputError(
            name,
            f"the cost has {array.ndim} dimension{'' if array.ndim == 1 else 's'}",
            "give a two-dimensional matrix"
            + (", one of the stack at a time" if array.ndim == 3 else ""),
        )
    if array.size == 0:
        raise InputError(name, f"the cost is empty (shape {array.shape})", "give an n×m matrix")
    _check_entries(array, name)
    return array


def check_real(values: ArrayLike, name: str) -> FloatArray:
    """Values as a contiguous float64 array.

    Raises
    ------
    InputError
        For complex, object, text and masked arrays, for tensors that carry gradients, and for
        numbers beyond double precision.
    """
    if getattr(values, "requires_grad", False):
        raise InputError(name, "the tensor carries gradients", "give cost.detach()")
    if np.ma.isMaskedArray(values):
        raise InputError(
            name, "the array is masked", "give cost.filled(numpy.inf) to forbid the masked pairs"
        )
    try:
        array = np.asarray(_without_bfloat16(values))
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            name, f"not an array ({first_words(error)})", "give a rectangular matrix of numbers"
        ) from error
    if array.dtype.kind == "c":
        raise InputError(name, "the entries are complex", "give real costs")
    if array.dtype.kind not in "fiub":
        raise InputError(
            name, f"the entries are not numbers (dtype {array.dtype})", "give a numeric matrix"
        )
    # Signalling nans of single precision warn when they are widened.
    with np.errstate(over="ignore", invalid="ignore"):
        real = np.asarray(array, dtype=np.float64, order="C")
    if array.dtype.itemsize > 8 and np.any(np.isinf(real) & np.isfinite(array)):
        raise InputError(name, "some entries are beyond double precision", "rescale the costs")
    return real


def _without_bfloat16(values: ArrayLike) -> Any:
    """Tensors and arrays of bfloat16, which NumPy does not know, in float32."""
    if str(getattr(values, "dtype", "")).endswith("bfloat16"):
        widen = getattr(values, "float", None)
        return widen() if widen is not None else np.asarray(values).astype(np.float32)
    return values


def _check_entries(array: FloatArray, name: str) -> None:
    # Without forbidden pairs, the usual case, two looks at the entries tell that all is well.
    low, high = float(array.min()), float(array.max())
    if -LARGEST <= low <= high <= LARGEST and not 0.0 < high - low < 1.0 / LARGEST:
        return
    bad = np.argwhere(np.isnan(array) | np.isneginf(array))
    if len(bad):
        value = array[tuple(bad[0])]
        place = ", ".join(str(int(i)) for i in bad[0])
        count = "" if len(bad) == 1 else f" and at {len(bad) - 1} more places"
        raise InputError(
            name,
            f"the cost is {value} at [{place}]{count}",
            "costs must be finite, or +inf for a forbidden pair"
            if np.isnan(value)
            else "negate similarities with --score; forbid a pair with +inf",
        )
    open_pairs = np.isfinite(array)
    for axis, side in ((-1, "row"), (-2, "column")):
        closed = np.argwhere(~open_pairs.any(axis=axis))
        if len(closed):
            place = ", ".join(str(int(i)) for i in closed[0])
            raise InputError(
                name,
                f"{side} {place} has no finite cost",
                f"allow at least one pair in this {side}",
            )
    if np.any(np.abs(array[open_pairs]) > LARGEST):
        raise InputError(name, f"some costs are beyond {LARGEST:g}", "rescale the costs")
    if 0.0 < float(np.ptp(array[open_pairs])) < 1.0 / LARGEST:
        raise InputError(
            name, f"the costs differ by less than {1 / LARGEST:g}", "rescale the costs"
        )


def check_marginal(values: ArrayLike, size: int, side: str, name: str) -> FloatArray:
    """A positive finite marginal of the given length, or an `InputError`."""
    label = f"{name} ({side} marginal)"
    array = check_real(values, label)
    if array.shape != (size,):
        raise InputError(
            label,
            f"shape {array.shape} does not fit the cost, which needs ({size},)",
            "give one weight for each " + ("row" if side == "row" else "column"),
        )
    positive = array[array > 0]
    if np.any(positive[np.isfinite(positive)] > LARGEST) or np.any(positive < 1.0 / LARGEST):
        raise InputError(
            label, f"some weights are outside {1 / LARGEST:g} to {LARGEST:g}", "rescale the masses"
        )
    if not np.all(np.isfinite(array)) or np.any(array <= 0):
        raise InputError(
            label, "some weights are not positive and finite", "drop points without mass"
        )
    # The caller's own array may change later.
    return array.copy()
