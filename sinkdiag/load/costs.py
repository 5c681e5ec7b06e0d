"""Read cost matrices from files and from standard input, and trust nothing in them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import (
    ZIP_MAGIC,
    Arrays,
    RunMembers,
    read_archive,
    read_npy,
    read_npy_or_npz,
    read_npz_marginals,
)
from sinkdiag.load.exchange import read_mat, read_mtx
from sinkdiag.load.safetensors import read_safetensors
from sinkdiag.load.source import bytes_of, split_key, standard_input
from sinkdiag.load.text import read_marginals, read_text
from sinkdiag.problem import MarginalKind, Problem, make_problem

Layout = Literal["matrix", "batch", "trajectory"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CostData:
    """What one input holds: a stack (T, n, m) of costs, T = 1 for a matrix, and maybe marginals.

    ``members`` is what an npz holds of a run beside that (see `sinkdiag.load.record`). ``note`` is
    what a reader should know of how the file was understood, or empty; ``origin`` is where the
    marginals come from, if not from this file.
    """

    name: str
    layout: Layout
    stack: FloatArray
    row: FloatArray | None = None
    col: FloatArray | None = None
    members: RunMembers | None = None
    note: str = ""
    origin: str | None = None

    def problems(self, marginals: MarginalKind = "unit") -> list[Problem]:
        """One checked `Problem` for each matrix of the stack."""
        labels = [self.name] if self.layout == "matrix" else self._labels()
        return [
            make_problem(
                cost,
                row=self.row,
                col=self.col,
                marginals=marginals,
                name=label,
                origin=self.origin,
            )
            for cost, label in zip(self.stack, labels, strict=True)
        ]

    def _labels(self) -> list[str]:
        return [f"{self.name}[{index}]" for index in range(len(self.stack))]


def load_costs(
    source: str,
    *,
    layout: Literal["batch", "trajectory"] | None = None,
    score: bool = False,
    noun: str = "the cost",
) -> CostData:
    """Read one input of the command line.

    Parameters
    ----------
    source:
        A path ending in .npy, .npz, .csv, .tsv, .txt, .mtx (Matrix Market), .mat (MATLAB, up to
        version 7) or .safetensors; ``PATH.npz:KEY`` and the like for one array of several; ``-``
        for npy bytes on standard input. Those with names may hold ``cost``, ``row``, ``col``; an
        npz besides ``eps``, ``step`` and ``truth`` of a recorded run.
    layout:
        What the first axis of a three-dimensional array means; without it such an array is
        refused.
    score:
        The entries are similarities: they are negated.
    noun:
        What a fault of its shape calls the array.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy. Pickled objects are never loaded.
    """
    arrays = _read(source)
    cost = -arrays.cost if score else arrays.cost
    name = "standard input" if source == "-" else source
    if cost.ndim == 3:
        if layout is None:
            raise InputError(
                name,
                f"{noun} has 3 dimensions {cost.shape}",
                "say what the first one is: --layout batch or --layout trajectory",
            )
        if len(cost) == 0:
            raise InputError(name, f"{noun} is empty (shape {cost.shape})", "give T×n×m costs")
        return _data(name, layout, cost, arrays)
    if cost.ndim != 2:
        raise InputError(
            name,
            f"{noun} has {cost.ndim} dimension{'' if cost.ndim == 1 else 's'} {cost.shape}",
            "give an n×m matrix",
        )
    return _data(name, "matrix", cost[None], arrays)


def _data(name: str, layout: Layout, stack: FloatArray, arrays: Arrays) -> CostData:
    return CostData(
        name=name,
        layout=layout,
        stack=stack,
        row=arrays.row,
        col=arrays.col,
        members=arrays.members,
        note=arrays.note,
    )


def load_marginals(source: str) -> tuple[FloatArray | None, FloatArray | None]:
    """Read marginals: an .npz with ``row`` and/or ``col``, or two lines of text, row then col.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy.
    """
    data = bytes_of(source, "weights")
    if data.startswith(ZIP_MAGIC):
        return read_npz_marginals(data, source)
    return read_marginals(data, source)


def _read(source: str) -> Arrays:
    if source == "-":
        return read_npy_or_npz(standard_input(), "standard input", None)
    if not source:
        raise InputError("COST", "the file name is empty", "name a file")
    path, key = split_key(source, (".npz", ".mat", ".safetensors"))
    if Path(path).is_dir():
        found: list[str] = []
        with contextlib.suppress(OSError):
            found = sorted(each.name for each in Path(path).iterdir() if each.suffix in _READERS)
        held = f", such as {found[0]}" if found else ""
        raise InputError(source, "is a folder", f"name the files of the cost matrices in it{held}")
    suffix = Path(path).suffix.lower()
    if suffix == ".safetensors":
        return read_safetensors(path, source, key)
    if suffix not in _READERS:
        known = f"use one of {' '.join(_READERS)} .safetensors"
        remedy = _REMEDIES.get(suffix, known)
        raise InputError(source, f"the ending {suffix!r} is not known", remedy)
    return _READERS[suffix](bytes_of(path, "cost matrix"), source, key)


# What to do with files that others write, and that are not read here.
_REMEDIES = dict.fromkeys(
    (".pt", ".pth", ".ckpt", ".pkl", ".pickle"),
    "pickles are never loaded; in Python: numpy.save('cost.npy', cost.detach().cpu().numpy())",
)
_REMEDIES |= dict.fromkeys((".xlsx", ".xls", ".ods"), "export the sheet as .csv, numbers only")
_REMEDIES |= dict.fromkeys((".h5", ".hdf5"), "in Python: numpy.save('cost.npy', dataset[()])")
_READERS: Mapping[str, Callable[[bytes, str, str | None], Arrays]] = {
    ".npy": read_npy,
    ".npz": read_archive,
    ".csv": lambda data, name, _key: Arrays(cost=read_text(data, name, ",")),
    ".tsv": lambda data, name, _key: Arrays(cost=read_text(data, name, "\t")),
    ".txt": lambda data, name, _key: Arrays(cost=read_text(data, name, None)),
    ".mtx": read_mtx,
    ".mat": read_mat,
}
