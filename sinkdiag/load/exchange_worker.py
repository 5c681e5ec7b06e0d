"""The child process that reads .mtx and .mat: bytes on standard input, an npz on standard output.

Faults leave with status 3 and one line on standard error; a crash of the compiled readers leaves
with the signal's status, which the parent reports.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from sinkdiag.load.source import MOST_BYTES, MOST_ENTRIES

FAULT = 3


def main(kind: str) -> int:
    """Read, make dense, and hand over; the exit status."""
    _limit_memory()
    warnings.simplefilter("ignore")
    data = sys.stdin.buffer.read()
    try:
        found = _matrix_market(data) if kind == "mtx" else _matlab(data)
        arrays: dict[str, Any] = {}
        for name, value in found.items():
            _add(arrays, name, value)
    except Exception as error:
        sys.stderr.write(" ".join(str(error).split())[:200] or type(error).__name__)
        return FAULT
    np.savez(sys.stdout.buffer, **arrays)
    return 0


def _limit_memory() -> None:
    """A header that claims terabytes must not be believed by any reader."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    most = 4 * MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _matrix_market(data: bytes) -> Mapping[str, Any]:
    import scipy.io

    if scipy.io.mminfo(io.BytesIO(data))[4] == "pattern":
        raise ValueError("a pattern file has no values")
    return {"matrix": scipy.io.mmread(io.BytesIO(data))}


def _matlab(data: bytes) -> Mapping[str, Any]:
    import scipy.io

    try:
        # The stubs know paths only.
        variables = scipy.io.loadmat(cast(Any, io.BytesIO(data)))
    except NotImplementedError as error:
        raise ValueError("version 7.3 is not read") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def _add(arrays: dict[str, Any], name: str, value: Any) -> None:
    """A numeric matrix, dense; how many of its entries were not listed stands beside it."""
    if hasattr(value, "toarray"):
        entries = value.shape[0] * value.shape[1]
        if entries > MOST_ENTRIES:
            raise ValueError(f"a {value.shape[0]}×{value.shape[1]} matrix is too large")
        if value.nnz < entries:
            arrays[f"missing:{name}"] = np.array(entries - value.nnz)
        value = value.toarray()
    if getattr(value, "dtype", np.dtype(object)).hasobject:
        value = np.array("not numbers")
    arrays[name] = value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
