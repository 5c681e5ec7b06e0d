"""Files of other programs: Matrix Market (.mtx) and MATLAB (.mat)."""

from __future__ import annotations

import io
from typing import Any, cast

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError, first_words
from sinkdiag.load.arrays import Arrays, choose_key
from sinkdiag.problem import check_real


def read_mtx(data: bytes, name: str, key: str | None) -> Arrays:
    """A Matrix Market file, array or coordinate; entries that are not listed are 0."""
    import scipy.io

    _no_key(key, name)
    try:
        field = scipy.io.mminfo(io.BytesIO(data))[4]
        if field == "pattern":
            raise InputError(name, "a pattern file has no values", "write the costs into it")
        return _dense(scipy.io.mmread(io.BytesIO(data)), name)
    except InputError:
        raise
    # Its reader reports faults by a dozen types of exception.
    except Exception as error:
        raise InputError(
            name,
            f"a damaged Matrix Market file ({first_words(error)})",
            "write it with scipy.io.mmwrite(path, cost)",
        ) from error


def read_mat(data: bytes, name: str, key: str | None) -> Arrays:
    """A MATLAB file up to version 7: ``cost`` or its only matrix, ``row`` and ``col`` if there."""
    import scipy.io

    try:
        # Files are read once, as bytes; the stubs know paths only.
        variables = scipy.io.loadmat(cast(Any, io.BytesIO(data)))
    except NotImplementedError as error:
        raise InputError(
            name, "a MATLAB file of version 7.3", "save it with -v7, or as .npy"
        ) from error
    # Its reader reports faults by a dozen types of exception.
    except Exception as error:
        raise InputError(
            name,
            f"a damaged or truncated MATLAB file ({first_words(error)})",
            "write the file again",
        ) from error
    keys = [name for name in variables if not name.startswith("__")]
    chosen = key if key is not None else choose_key(keys, name)
    if chosen not in keys:
        held = ", ".join(keys) or "nothing"
        raise InputError(name, f"the file has no array {chosen!r}", f"it holds {held}")
    cost = _dense(variables[chosen], name)
    row, col = (_weights(variables.get(side), f"{name} ({side})") for side in ("row", "col"))
    return Arrays(cost.cost, row, col, cost.note)


def _no_key(key: str | None, name: str) -> None:
    if key is not None:
        raise InputError(name, "the file holds one matrix and takes no :KEY", "leave it out")


def _dense(matrix: Any, name: str) -> Arrays:
    """The full matrix of what a reader returned, with a note on entries that were not listed."""
    if not hasattr(matrix, "toarray"):
        return Arrays(check_real(matrix, name))
    missing = matrix.shape[0] * matrix.shape[1] - matrix.nnz
    note = f"{missing} entries are not listed and count as cost 0; forbid a pair with inf"
    return Arrays(check_real(matrix.toarray(), name), note=note if missing else "")


def _weights(values: Any, name: str) -> FloatArray | None:
    return None if values is None else np.ravel(check_real(values, name))
