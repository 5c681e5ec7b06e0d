"""What a controller reads off the plans of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError, first_words


def plain_plans(plan: Any) -> FloatArray:
    """A copy of a plan (n, m) or plans (B, n, m) in float64 on the host.

    Arrays, nested lists, or tensors as they come: with gradients, of any floating type, on any
    device (which waits for it).

    Raises
    ------
    InputError
        For another number of axes, or entries that are not finite.
    """
    # NumPy knows neither bfloat16 nor other devices, and refuses what carries gradients.
    if hasattr(plan, "detach"):
        plan = plan.detach().cpu().double().numpy()
    try:
        current = np.array(plan, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError("plan", f"not an array ({first_words(error)})", "give numbers") from error
    if current.ndim not in (2, 3) or current.size == 0:
        raise InputError("plan", f"the shape is {current.shape}", "give (n, m) or (B, n, m)")
    if not np.all(np.isfinite(current)):
        raise InputError("plan", "some entries are not finite", "the layer has diverged: stop")
    return current


def check_same_shape(previous: tuple[int, ...], current: tuple[int, ...]) -> None:
    """Raise InputError, with the remedy, unless plans can be compared with those before."""
    if previous != current:
        raise InputError(
            "plan",
            f"the shape went from {previous} to {current}",
            "feed the plan of one fixed probe batch (sinkdiag.torch.Probe holds one): between "
            "different batches drift never falls",
        )


def drifts_of(current: FloatArray, previous: FloatArray) -> FloatArray:
    """‖P_t - P_{t-1}‖_F of each matrix, (B,); of one matrix (1,)."""
    return np.atleast_1d(np.sqrt(np.sum((current - previous) ** 2, axis=(-2, -1))))


def tracking_of(
    current: FloatArray, row: ArrayLike | None, col: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    """Online tracking errors (B,), nan where rounding hides one; and the readings to act on.

    A reading is the error, or where that is hidden the smallest one that the residuals allow.
    """
    # Compiled sweeps are imported by those who use them.
    from sinkdiag.solver.online import online_gap_of_plan

    stack = current if current.ndim == 3 else current[None]
    found = [online_gap_of_plan(plan, row=row, col=col) for plan in stack]
    errors = np.array([entry.tracking_error for entry in found])
    least = np.array([entry.least_error for entry in found])
    return errors, np.where(np.isnan(errors), least, errors)
