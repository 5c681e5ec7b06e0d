"""Square matrices of any kind, real or complex."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import AnyArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import any_npy
from sinkdiag.load.costs import load_costs
from sinkdiag.load.source import bytes_of
from sinkdiag.problem import check_real


def load_matrix(source: str) -> AnyArray:
    """A matrix from any file a cost can come from; an .npy may be complex.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy.
    """
    if source.lower().endswith(".npy"):
        values = matrix_of(any_npy(bytes_of(source, "matrix"), source), source)
        dimensions = values.ndim
    else:
        costs = load_costs(source, layout="batch")
        values = np.asarray(costs.stack[0])
        dimensions = 2 if costs.layout == "matrix" else 3
    if dimensions != 2:
        plural = "" if dimensions == 1 else "s"
        raise InputError(
            source, f"the matrix has {dimensions} dimension{plural}", "give one square matrix"
        )
    return values


def matrix_of(values: ArrayLike, name: str = "matrix") -> AnyArray:
    """Complex numbers as they are; anything else as `check_real` makes it.

    Raises
    ------
    InputError
        For what is no array of numbers.
    """
    if not getattr(values, "requires_grad", False) and not np.ma.isMaskedArray(values):
        with contextlib.suppress(ValueError, TypeError):
            array = np.asarray(values)
            if array.dtype.kind == "c":
                return array
    return check_real(values, name)
