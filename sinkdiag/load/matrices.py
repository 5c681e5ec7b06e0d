"""Square matrices of any kind, real or complex."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinkdiag.errors import InputError
from sinkdiag.load.arrays import NPY_MAGIC
from sinkdiag.load.costs import load_costs

Matrix = NDArray[np.float64] | NDArray[np.complex128]


def load_matrix(source: str) -> Matrix:
    """A square matrix from any file a cost can come from; an .npy may be complex.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy.
    """
    if source.lower().endswith(".npy") and Path(source).is_file():
        data = Path(source).read_bytes()
        if data.startswith(NPY_MAGIC):
            # What cannot be read here is named below.
            with contextlib.suppress(ValueError, EOFError, OSError):
                array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
                if np.iscomplexobj(array):
                    return np.asarray(array, dtype=np.complex128)
    found = load_costs(source, layout="batch")
    if found.layout != "matrix":
        raise InputError(source, "the matrix has 3 dimensions", "give one square matrix")
    return np.asarray(found.stack[0])
