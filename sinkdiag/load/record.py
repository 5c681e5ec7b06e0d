"""A recorded training run: costs of one instance, and beside them temperatures, steps, truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import AnyArray, FloatArray, IntArray
from sinkdiag.errors import InputError, first_words
from sinkdiag.load.arrays import RunMembers, any_npy, real_npy
from sinkdiag.load.costs import CostData
from sinkdiag.load.truth import KINDS, check_truth
from sinkdiag.problem import Problem, check_real


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordData:
    """What a file holds of a run beside its costs (T, n, m).

    Attributes
    ----------
    eps:
        Temperature of each recorded step (T,), cost units; None if it was not recorded.
    step:
        The training step of each recorded one (T,), increasing; None if they are consecutive.
    truth:
        As `sinkdiag.load.truth.TruthData.values`; None if it was not recorded.
    truth_name:
        How messages call it; None: by the cost's name.
    """

    eps: FloatArray | None = None
    step: IntArray | None = None
    truth: AnyArray | None = None
    truth_name: str | None = None


# Of a cost that comes with nothing.
NO_RECORD = RecordData()


def record_of(
    problems: Sequence[Problem],
    *,
    truth: ArrayLike | None = None,
    eps: ArrayLike | None = None,
    step: ArrayLike | None = None,
) -> RecordData:
    """The same from arrays.

    Raises
    ------
    InputError
        When one of them cannot be what its name says.
    """
    count = len(problems)
    return RecordData(
        eps=None if eps is None else _temperatures(check_real(eps, "record_eps"), count, "cost"),
        step=None if step is None else _steps(check_real(step, "record_step"), count, "cost"),
        truth=None if truth is None else check_truth(_array(truth), problems[0], "truth"),
    )


def _array(truth: ArrayLike) -> AnyArray:
    """What NumPy makes of it, whose lines must be of one length."""
    try:
        return np.asarray(truth)
    except (ValueError, TypeError) as error:
        raise InputError("truth", f"not an array ({first_words(error)})", KINDS) from error


def recorded(data: CostData, problem: Problem) -> RecordData:
    """The arrays ``eps``, ``step`` and ``truth`` of an npz that held a trajectory.

    Of a matrix or a batch only ``truth`` is looked at. ``problem`` is the first cost's.

    Raises
    ------
    InputError
        When one of them cannot be what its name says.
    """
    members = data.members or RunMembers()
    truth = None
    if members.truth is not None:
        name = f"{data.name} (truth)"
        truth = check_truth(any_npy(members.truth, name), problem, name)
    if data.layout != "trajectory":
        return RecordData(truth=truth)
    length = len(data.stack)
    return RecordData(
        eps=None
        if members.eps is None
        else _temperatures(_real(members.eps, data.name, "eps"), length, data.name),
        step=None
        if members.step is None
        else _steps(_real(members.step, data.name, "step"), length, data.name),
        truth=truth,
    )


def _real(member: bytes, source: str, key: str) -> FloatArray:
    return real_npy(member, f"{source} ({key})")


def _temperatures(eps: FloatArray, length: int, source: str) -> FloatArray:
    name = f"{source} (eps)"
    if eps.ndim == 0:
        eps = np.full(length, float(eps))
    _check_length(eps, length, name, "eps")
    bad = np.flatnonzero(~(np.isfinite(eps) & (eps > 0.0)))
    if len(bad):
        raise InputError(
            name, f"eps is {eps[bad[0]]:g} at [{bad[0]}]", "record positive temperatures"
        )
    return eps


def _steps(step: FloatArray, length: int, source: str) -> IntArray:
    name = f"{source} (step)"
    _check_length(step, length, name, "step")
    if not np.all((np.abs(step) < 2**53) & (step == np.round(step))):
        raise InputError(name, "some steps are no integers", "record the training step's number")
    back = np.flatnonzero(np.diff(step) <= 0)
    if len(back):
        at = int(back[0])
        raise InputError(
            name,
            f"step {step[at + 1]:g} follows step {step[at]:g}",
            "record one run, its steps in order",
        )
    return step.astype(np.int64)


def _check_length(values: FloatArray, length: int, name: str, key: str) -> None:
    if values.shape != (length,):
        raise InputError(
            name,
            f"{key} has shape {values.shape}, and {length} costs are recorded",
            f"record one {key} for each cost",
        )
