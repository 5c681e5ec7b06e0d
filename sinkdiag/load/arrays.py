"""NumPy's own files: .npy and .npz. Pickled objects are never loaded."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError, first_words
from sinkdiag.problem import check_real

NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class Arrays:
    """A cost of any dimension, marginals if the file has them, and a note on the reading."""

    cost: FloatArray
    row: FloatArray | None = None
    col: FloatArray | None = None
    note: str = ""


def read_npy_or_npz(data: bytes, name: str, key: str | None) -> Arrays:
    """Either of the two, told apart by their first bytes."""
    if data.startswith(ZIP_MAGIC):
        return read_npz(data, name, key)
    return Arrays(_npy(data, name))


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
            name, f"a damaged or truncated npy file ({first_words(error)})", "write the file again"
        ) from error
    return check_real(array, name)


def read_npz(data: bytes, name: str, key: str | None) -> Arrays:
    """An archive's cost (``key``, or see `choose_key`) and its marginals."""
    with _open_archive(data, name) as archive:
        keys = [entry.removesuffix(".npy") for entry in archive.namelist()]
        chosen = key if key is not None else choose_key(keys, name)
        cost = _member(archive, chosen, name)
        if cost is None:
            held = ", ".join(keys) or "nothing"
            raise InputError(name, f"the archive has no array {chosen!r}", f"it holds {held}")
        return Arrays(cost, _member(archive, "row", name), _member(archive, "col", name))


def read_npz_marginals(data: bytes, name: str) -> tuple[FloatArray | None, FloatArray | None]:
    """``row`` and ``col`` of an archive, of which it must hold one."""
    with _open_archive(data, name) as archive:
        row, col = _member(archive, "row", name), _member(archive, "col", name)
    if row is None and col is None:
        raise InputError(name, "the archive holds neither 'row' nor 'col'", "name them so")
    return row, col


def choose_key(keys: list[str], name: str) -> str:
    """The array that is the cost: ``cost``, or the only one beside the marginals."""
    if "cost" in keys:
        return "cost"
    others = [key for key in keys if key not in {"row", "col"}]
    if len(others) == 1:
        return others[0]
    raise InputError(
        name,
        f"it holds {len(others)} arrays ({', '.join(others)}) and none is called cost",
        f"name one as {name}:KEY",
    )


def _open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise InputError(
            name, f"a damaged or truncated npz file ({first_words(error)})", "write the file again"
        ) from error


def _member(archive: zipfile.ZipFile, key: str, name: str) -> FloatArray | None:
    if f"{key}.npy" not in archive.namelist():
        return None
    try:
        data = archive.read(f"{key}.npy")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(
            name, f"array {key!r} is damaged ({first_words(error)})", "write the file again"
        ) from error
    return _npy(data, f"{name} ({key})")


def read_npy(data: bytes, name: str, key: str | None) -> Arrays:
    """One array; ``key`` has no meaning here."""
    del key
    return Arrays(_npy(data, name))


def read_archive(data: bytes, name: str, key: str | None) -> Arrays:
    """`read_npz` of a file that says it is one."""
    if not data.startswith(ZIP_MAGIC):
        raise InputError(name, "not an npz file", "save with numpy.savez(path, cost=cost)")
    return read_npz(data, name, key)
