"""Files of other programs: Matrix Market (.mtx) and MATLAB (.mat).

SciPy's readers of them are compiled code that damaged headers can make crash. They run in a process
of their own (`sinkdiag.load.exchange_worker`), which takes the blow.
"""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import Arrays, choose_key
from sinkdiag.load.source import check_shape
from sinkdiag.problem import check_real

# No file within the size limit takes a reader this long.
MOST_SECONDS = 300


def read_mtx(data: bytes, name: str, key: str | None) -> Arrays:
    """A Matrix Market file, array or coordinate; entries that are not listed are 0."""
    if key is not None:
        raise InputError(name, "the file holds one matrix and takes no :KEY", "leave it out")
    _check_sizes(data, name)
    found = _isolated("mtx", data, name, "write it with scipy.io.mmwrite(path, cost)")
    return _cost(found, "matrix", name)


def read_mat(data: bytes, name: str, key: str | None) -> Arrays:
    """A MATLAB file up to version 7: ``cost`` or its only matrix, ``row`` and ``col`` if there."""
    found = _isolated("mat", data, name, "write the file again, with -v7")
    keys = [entry for entry in found if not entry.startswith("missing:")]
    chosen = key if key is not None else choose_key(keys, name)
    if chosen not in keys:
        held = ", ".join(keys) or "nothing"
        raise InputError(name, f"the file has no array {chosen!r}", f"it holds {held}")
    cost = _cost(found, chosen, name)
    row, col = (_weights(found, side, name) for side in ("row", "col"))
    return Arrays(cost=cost.cost, row=row, col=col, note=cost.note)


def _check_sizes(data: bytes, name: str) -> None:
    """Read rows and columns from the first line that is no comment."""
    lines = (line for line in data[:1_000_000].splitlines()[1:] if not line.startswith(b"%"))
    words = next((line.split() for line in lines if line.strip()), [])
    if len(words) < 2 or not all(word.isdigit() for word in words):
        raise InputError(
            name,
            "a damaged Matrix Market file (it has no sizes)",
            "write it with scipy.io.mmwrite",
        )
    if int(words[0]) == 0 or int(words[1]) == 0:
        raise InputError(name, "the cost is empty", "give an n×m matrix")
    check_shape((int(words[0]), int(words[1])), name)


def _isolated(kind: str, data: bytes, name: str, remedy: str) -> dict[str, np.ndarray]:
    """The arrays of a file as a child process reads them."""
    command = [sys.executable, "-m", "sinkdiag.load.exchange_worker", kind]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(name, f"its reader took over {MOST_SECONDS} s", remedy) from error
    if done.returncode == 0:
        with np.load(io.BytesIO(done.stdout), allow_pickle=False) as archive:
            return {entry: archive[entry] for entry in archive.files}
    title = {"mtx": "Matrix Market", "mat": "MATLAB"}[kind]
    words = done.stderr.decode("utf-8", "replace").strip().splitlines()
    reason = words[-1][:120] if words and done.returncode == 3 else "its reader crashed on it"
    raise InputError(name, f"a damaged or truncated {title} file ({reason})", remedy)


def _cost(found: dict[str, np.ndarray], key: str, name: str) -> Arrays:
    """A matrix, with a note on entries that were not listed."""
    missing = int(found.get(f"missing:{key}", np.array(0)))
    note = f"{missing} entries are not listed and count as cost 0; forbid a pair with inf"
    return Arrays(cost=check_real(found[key], name), note=note if missing else "")


def _weights(found: dict[str, np.ndarray], side: str, name: str) -> FloatArray | None:
    return np.ravel(check_real(found[side], f"{name} ({side})")) if side in found else None
