"""What is true, from a file: the column of each row, or a whole plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sinkdiag.arrays import AnyArray, IntArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import ZIP_MAGIC, any_npy, member_bytes, open_archive
from sinkdiag.load.source import bytes_of, split_key
from sinkdiag.load.text import read_text
from sinkdiag.problem import Problem, check_real

# Beyond this a double is no longer every integer; no matrix has as many columns.
LARGEST_INDEX = 2**53
# Columns may exceed their mass by rounding.
MASS_TOL = 1e-9
KINDS = "give the 0-based column of each row (-1: unknown), or an n×m plan"


@dataclass(frozen=True, kw_only=True, eq=False)
class TruthData:
    """What one file says is true.

    ``values``: int64 (n,), the column of each row counted from 0, -1 unknown; or float64 (n, m), a
    plan. ``note`` is what a reader should know of it, or empty.
    """

    name: str
    values: AnyArray
    note: str = ""


def load_truth(source: str, problem: Problem) -> TruthData:
    """Read a true assignment or plan for a problem.

    Parameters
    ----------
    source:
        A path ending in .npy, .npz (array ``truth``, or the only one; ``PATH.npz:KEY``), .csv, .tsv
        or .txt. Integers stand in one line or in one column, a plan one row a line.
    problem:
        The cost and the marginals that it belongs to.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy. Whether the truth fits the problem (its
        length, the range of its columns, a plan's marginals) is for
        `sinkdiag.annealing.learning.target.target_of` to judge.
    """
    path, key = split_key(source, (".npz",))
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        known = " ".join(_READERS)
        raise InputError(source, f"the ending {suffix!r} is not known", f"use one of {known}")
    values = check_truth(_READERS[suffix](bytes_of(path, "truth"), source, key), problem, source)
    return TruthData(name=source, values=values, note=overfull(values, problem))


def check_truth(values: AnyArray, problem: Problem, name: str) -> AnyArray:
    """Pairs as int64 (n,), a plan as float64 (n, m).

    One line or one column of numbers is a list of pairs, unless the cost has that shape itself.

    Raises
    ------
    InputError
        For what is neither.
    """
    if values.ndim == 2 and 1 in values.shape and values.shape != problem.cost.shape:
        values = values.ravel()
    if values.ndim not in (1, 2) or values.size == 0:
        raise InputError(name, f"the truth has shape {values.shape}", KINDS)
    if values.ndim == 1 and values.dtype.kind == "b":
        raise InputError(name, "the truth holds true and false", KINDS)
    real = check_real(values, name)
    if real.ndim == 2:
        return real
    broken = np.flatnonzero(~(np.abs(real) < LARGEST_INDEX) | (real != np.round(real)))
    if len(broken):
        column = float(real[broken[0]])
        huge = LARGEST_INDEX <= abs(column) < math.inf
        raise InputError(
            name,
            f"row {broken[0]} is said to belong to column {column:g}, which is "
            + ("beyond any matrix" if huge else "no integer"),
            "give the 0-based column of each row, -1 where it is unknown",
        )
    return real.astype(np.int64)


def overfull(values: AnyArray, problem: Problem) -> str:
    """A note when columns are the truth of more rows than their mass can serve, else nothing."""
    n, m = problem.cost.shape
    if values.shape != (n,) or not ((values >= -1) & (values < m)).all():
        return ""
    known: IntArray = np.flatnonzero(values >= 0)
    mass = np.zeros(m)
    np.add.at(mass, values[known], np.minimum(problem.row[known], problem.col[values[known]]))
    full = np.flatnonzero(mass > problem.col * (1.0 + MASS_TOL))
    if len(full) == 0:
        return ""
    rows = np.flatnonzero(values == full[0])
    more = "" if len(full) == 1 else f", and {len(full) - 1} more"
    return (
        f"column {full[0]} is the truth of rows {', '.join(str(row) for row in rows[:3])}"
        f"{' …' if len(rows) > 3 else ''}, more than its mass can serve{more}: no plan puts all of "
        "that mass right"
    )


def _read_npy(data: bytes, name: str, key: str | None) -> AnyArray:
    del key
    return any_npy(data, name)


def _read_npz(data: bytes, name: str, key: str | None) -> AnyArray:
    if not data.startswith(ZIP_MAGIC):
        raise InputError(name, "not an npz file", "save with numpy.savez(path, truth=truth)")
    with open_archive(data, name) as archive:
        keys = [entry.removesuffix(".npy") for entry in archive.namelist()]
        chosen = key or ("truth" if "truth" in keys or len(keys) != 1 else keys[0])
        if chosen not in keys:
            held = ", ".join(keys) or "nothing"
            raise InputError(name, f"the archive has no array {chosen!r}", f"it holds {held}")
        return any_npy(member_bytes(archive, f"{chosen}.npy", name), f"{name} ({chosen})")


_READERS: Mapping[str, Callable[[bytes, str, str | None], AnyArray]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": lambda data, name, _key: read_text(data, name, ","),
    ".tsv": lambda data, name, _key: read_text(data, name, "\t"),
    ".txt": lambda data, name, _key: read_text(data, name, None),
}
