"""NumPy's own files: .npy and .npz. Pickled objects are never loaded."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.source import MOST_BYTES, check_shape, too_large, walled
from sinkdiag.problem import check_real

NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"
_REWRITE = "write the file again"


# What an archive may hold beside costs, by name: marginals, and what a recorded run adds.
_MARGINALS, _RUN = ("row", "col"), ("eps", "step", "truth")


@dataclass(frozen=True, kw_only=True)
class RunMembers:
    """The npy bytes of what a run was recorded with: read by who wants them, not before."""

    eps: bytes | None = None
    step: bytes | None = None
    truth: bytes | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A cost of any dimension, marginals if the file has them, and a note on the reading."""

    cost: FloatArray
    row: FloatArray | None = None
    col: FloatArray | None = None
    members: RunMembers | None = None
    note: str = ""


def read_npy_or_npz(data: bytes, name: str, key: str | None) -> Arrays:
    """Either of the two, told apart by their first bytes."""
    if data.startswith(ZIP_MAGIC):
        return read_npz(data, name, key)
    return read_npy(data, name, None)


def real_npy(data: bytes, name: str) -> FloatArray:
    """The real numbers of an npy file, in double precision; two bytes without a type: bfloat16."""
    array = any_npy(data, name)
    if _is_untyped(array):
        bits = np.ascontiguousarray(array).view(np.uint16).astype(np.uint32) << np.uint32(16)
        array = bits.view(np.float32).reshape(array.shape)
    return check_real(array, name)


def _is_untyped(array: AnyArray) -> bool:
    """Whether the entries are two bytes each of no type that NumPy knows, as bfloat16 is saved."""
    return array.dtype.kind == "V" and array.dtype.itemsize == 2 and array.dtype.names is None


def any_npy(data: bytes, name: str) -> AnyArray:
    """The array of an npy file as it stands, objects excepted; its header is believed last."""
    if not data.startswith(NPY_MAGIC):
        raise InputError(name, "not an npy file", "save the matrix with numpy.save(path, cost)")
    return walled(name, "npy file", _REWRITE, lambda: _npy(data, name))


def _npy(data: bytes, name: str) -> AnyArray:
    stream = io.BytesIO(data)
    with warnings.catch_warnings():
        # Headers of Python 2 are read with a warning that says nothing about the numbers.
        warnings.simplefilter("ignore")
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise InputError(
                name,
                "an object array, stored as a pickle, which is never loaded",
                "save a numeric array: numpy.save(path, numpy.asarray(cost, dtype=float))",
            )
        check_shape(shape, name)
        stream.seek(0)
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def read_npz(data: bytes, name: str, key: str | None) -> Arrays:
    """An archive's cost (``key``, or see `choose_key`) and its marginals."""
    with open_archive(data, name) as archive:
        keys = [entry.removesuffix(".npy") for entry in archive.namelist()]
        chosen = key if key is not None else choose_key(keys, name)
        cost = _member(archive, chosen, name)
        if cost is None:
            held = ", ".join(keys) or "nothing"
            raise InputError(name, f"the archive has no array {chosen!r}", f"it holds {held}")
        row, col = (_member(archive, side, name) for side in _MARGINALS)
        eps, step, truth = (_raw_member(archive, entry, name) for entry in _RUN)
        members = RunMembers(eps=eps, step=step, truth=truth)
        return Arrays(cost=cost, row=row, col=col, members=members)


def read_npz_marginals(data: bytes, name: str) -> tuple[FloatArray | None, FloatArray | None]:
    """``row`` and ``col`` of an archive, of which it must hold one."""
    with open_archive(data, name) as archive:
        row, col = _member(archive, "row", name), _member(archive, "col", name)
    if row is None and col is None:
        raise InputError(name, "the archive holds neither 'row' nor 'col'", "name them so")
    return row, col


def choose_key(keys: list[str], name: str) -> str:
    """The array that is the cost: ``cost``, or the only one beside those of known names."""
    if "cost" in keys:
        return "cost"
    others = [key for key in keys if key not in {*_MARGINALS, *_RUN}]
    if len(others) == 1:
        return others[0]
    raise InputError(
        name,
        f"it holds {len(others)} arrays ({', '.join(others)}) and none is called cost",
        f"name one as {name}:KEY",
    )


def open_archive(data: bytes, name: str) -> zipfile.ZipFile:
    """The archive in these bytes."""
    return walled(name, "npz file", _REWRITE, lambda: zipfile.ZipFile(io.BytesIO(data)))


def member_bytes(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    """One member, unpacked; what its directory claims is checked before, and while unpacking."""

    def unpack() -> bytes:
        with archive.open(member) as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise too_large(name, f"member {member}")
        return data

    if member not in archive.namelist():
        held = ", ".join(archive.namelist()) or "nothing"
        raise InputError(name, f"the archive has no {member}", f"it holds {held}")
    if archive.getinfo(member).file_size > MOST_BYTES:
        raise too_large(name, f"member {member}")
    return walled(f"{name} ({member})", "npz member", _REWRITE, unpack)


def _member(archive: zipfile.ZipFile, key: str, name: str) -> FloatArray | None:
    data = _raw_member(archive, key, name)
    return None if data is None else real_npy(data, f"{name} ({key})")


def _raw_member(archive: zipfile.ZipFile, key: str, name: str) -> bytes | None:
    member = f"{key}.npy"
    return member_bytes(archive, member, name) if member in archive.namelist() else None


def read_npy(data: bytes, name: str, key: str | None) -> Arrays:
    """One array; ``key`` has no meaning here."""
    del key
    untyped = _is_untyped(any_npy(data, name))
    note = "its two-byte entries have no type and are read as bfloat16" if untyped else ""
    return Arrays(cost=real_npy(data, name), note=note)


def read_archive(data: bytes, name: str, key: str | None) -> Arrays:
    """`read_npz` of a file that says it is one."""
    if not data.startswith(ZIP_MAGIC):
        raise InputError(name, "not an npz file", "save with numpy.savez(path, cost=cost)")
    return read_npz(data, name, key)
