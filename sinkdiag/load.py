"""Read cost matrices from files and from standard input, and trust nothing in them."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from sinkdiag.errors import InputError
from sinkdiag.problem import FloatArray, MarginalKind, Problem, check_real, make_problem

Layout = Literal["matrix", "batch", "trajectory"]
NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class CostData:
    """What one input holds: a stack (T, n, m) of costs, T = 1 for a matrix, and maybe marginals."""

    name: str
    layout: Layout
    stack: FloatArray
    row: FloatArray | None = None
    col: FloatArray | None = None

    def problems(self, marginals: MarginalKind = "unit") -> list[Problem]:
        """One checked `Problem` for each matrix of the stack."""
        labels = [self.name] if self.layout == "matrix" else self._labels()
        return [
            make_problem(cost, row=self.row, col=self.col, marginals=marginals, name=label)
            for cost, label in zip(self.stack, labels, strict=True)
        ]

    def _labels(self) -> list[str]:
        return [f"{self.name}[{index}]" for index in range(len(self.stack))]


@dataclass(frozen=True, eq=False)
class _Arrays:
    cost: FloatArray
    row: FloatArray | None = None
    col: FloatArray | None = None


def load_costs(
    source: str, *, layout: Literal["batch", "trajectory"] | None = None, score: bool = False
) -> CostData:
    """Read one input of the command line.

    Parameters
    ----------
    source:
        A path ending in .npy, .npz, .csv, .tsv or .txt; ``PATH.npz:KEY`` for one array of an
        archive; ``-`` for npy bytes on standard input. An archive may hold ``cost``, ``row``,
        ``col``.
    layout:
        What the first axis of a three-dimensional array means; without it such an array is
        refused.
    score:
        The entries are similarities: they are negated.

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
                f"the cost has 3 dimensions {cost.shape}",
                "say what the first one is: --layout batch or --layout trajectory",
            )
        if len(cost) == 0:
            raise InputError(name, f"the cost is empty (shape {cost.shape})", "give T×n×m costs")
        return CostData(name, layout, cost, arrays.row, arrays.col)
    if cost.ndim != 2:
        raise InputError(
            name,
            f"the cost has {cost.ndim} dimension{'' if cost.ndim == 1 else 's'} {cost.shape}",
            "give an n×m matrix",
        )
    return CostData(name, "matrix", cost[None], arrays.row, arrays.col)


def load_marginals(source: str) -> tuple[FloatArray | None, FloatArray | None]:
    """Read marginals: an .npz with ``row`` and/or ``col``, or two lines of text, row then col.

    Raises
    ------
    InputError
        Naming the source, the fault and the remedy.
    """
    data = _bytes(source)
    if data.startswith(ZIP_MAGIC):
        with _open_archive(data, source) as archive:
            row, col = _member(archive, "row", source), _member(archive, "col", source)
        if row is None and col is None:
            raise InputError(source, "the archive holds neither 'row' nor 'col'", "name them so")
        return row, col
    lines = [line for line in _decode(data, source).splitlines() if line.strip()]
    if len(lines) != 2:
        raise InputError(
            source,
            f"{len(lines)} lines of marginals",
            "give two lines, row weights then column weights, or an .npz with row and col",
        )
    row, col = (_parse_text(line, _delimiter(line), source)[0] for line in lines)
    return row, col


def _read(source: str) -> _Arrays:
    if source == "-":
        return _read_npy_or_npz(sys.stdin.buffer.read(), "standard input", None)
    path, key = _split_key(source)
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        known = " ".join(_READERS)
        raise InputError(source, f"the ending {suffix!r} is not known", f"use one of {known}")
    if key is not None and suffix != ".npz":
        raise InputError(source, "only an .npz file takes a :KEY", f"write {path}")
    return _READERS[suffix](_bytes(path), source, key)


def _split_key(source: str) -> tuple[str, str | None]:
    path, colon, key = source.rpartition(":")
    if colon and Path(path).suffix.lower() == ".npz" and not Path(source).exists():
        return path, key
    return source, None


def _bytes(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(path, f"cannot be read ({reason})", "check the path") from error
    if not data:
        raise InputError(path, "the file is empty", "write the cost matrix into it")
    return data


def _read_npy_or_npz(data: bytes, name: str, key: str | None) -> _Arrays:
    if data.startswith(ZIP_MAGIC):
        return _read_npz(data, name, key)
    return _Arrays(_npy(data, name))


def _npy(data: bytes, name: str) -> FloatArray:
    if not data.startswith(NPY_MAGIC):
        raise InputError(name, "not an npy file", "save the matrix with numpy.save(path, cost)")
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError, TypeError) as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise InputError(
                name,
                "an object array, stored as a pickle, which is never loaded",
                "save a numeric array: numpy.save(path, numpy.asarray(cost, dtype=float))",
            ) from error
        raise InputError(
            name, f"a damaged or truncated npy file ({_short(error)})", "write the file again"
        ) from error
    return check_real(array, name)


def _read_npz(data: bytes, name: str, key: str | None) -> _Arrays:
    with _open_archive(data, name) as archive:
        keys = [entry.removesuffix(".npy") for entry in archive.namelist()]
        chosen = key if key is not None else _choose_key(keys, name)
        cost = _member(archive, chosen, name)
        if cost is None:
            held = ", ".join(keys) or "nothing"
            raise InputError(name, f"the archive has no array {chosen!r}", f"it holds {held}")
        return _Arrays(cost, _member(archive, "row", name), _member(archive, "col", name))


def _choose_key(keys: list[str], name: str) -> str:
    if "cost" in keys:
        return "cost"
    others = [key for key in keys if key not in {"row", "col"}]
    if len(others) == 1:
        return others[0]
    raise InputError(
        name,
        f"the archive holds {len(others)} arrays ({', '.join(others)}) and none is called cost",
        "name one as PATH.npz:KEY",
    )


def _open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise InputError(
            name, f"a damaged or truncated npz file ({_short(error)})", "write the file again"
        ) from error


def _member(archive: zipfile.ZipFile, key: str, name: str) -> FloatArray | None:
    if f"{key}.npy" not in archive.namelist():
        return None
    try:
        data = archive.read(f"{key}.npy")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(
            name, f"array {key!r} is damaged ({_short(error)})", "write the file again"
        ) from error
    return _npy(data, f"{name} ({key})")


def _read_npy(data: bytes, name: str, key: str | None) -> _Arrays:
    del key
    return _Arrays(_npy(data, name))


def _read_archive(data: bytes, name: str, key: str | None) -> _Arrays:
    if not data.startswith(ZIP_MAGIC):
        raise InputError(name, "not an npz file", "save with numpy.savez(path, cost=cost)")
    return _read_npz(data, name, key)


def _text_reader(delimiter: str | None) -> Callable[[bytes, str, str | None], _Arrays]:
    def read(data: bytes, name: str, key: str | None) -> _Arrays:
        del key
        return _Arrays(_parse_text(_decode(data, name), delimiter, name))

    return read


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(name, "not a text file", "give numbers as UTF-8 text") from error


def _delimiter(line: str) -> str | None:
    return next((mark for mark in (",", "\t", ";") if mark in line), None)


def _parse_text(text: str, delimiter: str | None, name: str) -> FloatArray:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError(name, "no numbers in the file", "write one row of the matrix a line")
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise InputError(
            name,
            f"not a matrix of numbers ({_short(error)})",
            "give numbers only, the same count in every row; start a header line with #",
        ) from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(";")[0].rstrip(".")[:120]


_READERS: Mapping[str, Callable[[bytes, str, str | None], _Arrays]] = {
    ".npy": _read_npy,
    ".npz": _read_archive,
    ".csv": _text_reader(","),
    ".tsv": _text_reader("\t"),
    ".txt": _text_reader(None),
}
