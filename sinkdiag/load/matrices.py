"""Square matrices of any kind, real or complex."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.errors import InputError
from sinkdiag.load.costs import load_costs


def load_matrix(source: str) -> AnyArray:
    """A matrix from any file a cost can come from; an .npy may be complex.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy.
    """
    found = _complex(source)
    if found is not None:
        return found
    costs = load_costs(source, layout="batch")
    if costs.layout != "matrix":
        raise InputError(source, "the matrix has 3 dimensions", "give one square matrix")
    return np.asarray(costs.stack[0])


def _complex(source: str) -> AnyArray | None:
    """The array of a complex .npy; None for anything else, readable or not."""
    if not source.lower().endswith(".npy") or not Path(source).is_file():
        return None
    # What cannot be read here is read again, and its fault named, as a cost.
    with contextlib.suppress(Exception), Path(source).open("rb") as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if np.iscomplexobj(array):
            return np.asarray(array, dtype=np.complex128)
    return None
