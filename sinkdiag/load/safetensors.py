"""The format safetensors, read with NumPy alone: no library, no pickle, only the bytes needed.

A file is eight bytes (little-endian length of the header), a JSON header that gives every tensor a
type, a shape and a byte range, and the bytes. The header is checked against the file's size before
anything is believed of it: ranges must follow each other without holes or overlaps, as the format
demands, and hold exactly their shape. A tensor is read when it is asked for, by its range.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import Arrays, choose_key
from sinkdiag.load.source import check_shape, walled
from sinkdiag.text import printable

# What the format's own library refuses to read beyond.
MOST_HEADER = 100_000_000
# Bits of one entry, by the format's names; others are kept by their range alone.
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6, "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
}  # fmt: skip
# Types that are read, and their unit roundoff.
ROUNDOFFS = {"F64": 2.0**-53, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8}
_NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_REMEDY = "save the model again with safetensors"

Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tensor of a file: its type, its shape, and where its bytes lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: str) -> dict[str, Entry]:
    """Every tensor of a file by its name.

    Raises
    ------
    InputError
        When the file cannot be read, or its header does not describe its bytes.
    """
    return _opened(path, lambda stream, size: _header(stream, size, path))


def read_tensor(path: str, name: str, entry: Entry) -> FloatArray:
    """One tensor in double precision; bfloat16 by its bits.

    Raises
    ------
    InputError
        When its type is none of float64, float32, float16, bfloat16, or its bytes are not there.
    """
    if entry.dtype not in _NUMPY:
        raise InputError(
            f"{path} ({printable(name)})",
            f"the tensor is of type {printable(entry.dtype)}",
            "save it as float32 or bfloat16",
        )
    check_shape(entry.shape, f"{path} ({printable(name)})")

    def read(stream: IO[bytes], size: int) -> bytes:
        del size
        stream.seek(entry.start)
        return stream.read(entry.stop - entry.start)

    data = _opened(path, read)
    if len(data) != entry.stop - entry.start:
        raise InputError(path, "the file became shorter while it was read", _REMEDY)
    values = np.frombuffer(data, dtype=_NUMPY[entry.dtype])
    if entry.dtype == "BF16":
        values = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64).reshape(entry.shape)


def read_safetensors(path: str, name: str, key: str | None) -> Arrays:
    """A cost by its key (see `choose_key`), with the marginals ``row`` and ``col`` if there."""
    entries = read_header(path)
    chosen = key if key is not None else choose_key(list(entries), name)
    if chosen not in entries:
        held = ", ".join(printable(entry) for entry in entries) or "nothing"
        raise InputError(name, f"the file has no tensor {chosen!r}", f"it holds {held}")
    cost, row, col = (
        read_tensor(path, entry, entries[entry]) if entry in entries else None
        for entry in (chosen, "row", "col")
    )
    assert cost is not None
    return Arrays(cost=cost, row=row, col=col)


def read_json(data: bytes, name: str, what: str) -> dict[str, Any]:
    """A JSON object without repeated keys.

    Raises
    ------
    InputError
        When it is none.
    """
    found = walled(
        name,
        what,
        _REMEDY,
        lambda: json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse
        ),
    )
    if not isinstance(found, dict):
        raise InputError(name, f"a damaged or truncated {what} (no JSON object)", _REMEDY)
    return found


def _opened(path: str, read: Callable[[IO[bytes], int], Read]) -> Read:
    """What ``read`` makes of the open file and its size; only regular files are opened."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a pipe has no path to ask
            raise InputError(path, "is no regular file", "name a .safetensors file")
        with Path(path).open("rb") as stream:
            return read(stream, os.fstat(stream.fileno()).st_size)
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "check the path") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(path, f"cannot be read ({reason})", "check the path") from error


def _header(stream: IO[bytes], size: int, path: str) -> dict[str, Entry]:
    start = stream.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, MOST_HEADER) or length < 2:
        raise _damaged(path, f"a header of {length} bytes in a file of {size}")
    found = read_json(stream.read(length), path, "safetensors header")
    found.pop("__metadata__", None)
    entries = {name: _entry(name, said, 8 + length, path) for name, said in found.items()}
    _check_ranges(list(entries.values()), 8 + length, size, path)
    return entries


def _entry(name: str, said: Any, origin: int, path: str) -> Entry:
    """One tensor as the header gives it, its range counted from the file's beginning."""
    shown = printable(name)[:80]
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"{shown} has no dtype, shape and data_offsets")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or not _counts(shape) or not _counts(offsets):
        raise _damaged(path, f"{shown} has a type, shape or range that is none")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _damaged(path, f"{shown} has no range")
    entries = 1
    for length in shape:
        entries *= length
    if dtype in BITS and entries * BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        raise _damaged(path, f"{shown} has a range that does not fit its shape")
    return Entry(
        dtype=dtype, shape=tuple(shape), start=origin + offsets[0], stop=origin + offsets[1]
    )


def _check_ranges(entries: Sequence[Entry], origin: int, size: int, path: str) -> None:
    """Ranges must cover the bytes after the header, one after another."""
    place = origin
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.stop)):
        if entry.start != place:
            raise _damaged(path, "tensors overlap, or leave holes")
        place = entry.stop
    if place != size:
        raise _damaged(path, f"{size} bytes, of which the header describes {place}")


def _counts(said: Any) -> bool:
    """Whether it is a short list of whole numbers from 0 that a file may hold."""
    return (
        isinstance(said, list)
        and len(said) <= 16
        and all(type(value) is int and 0 <= value < 2**63 for value in said)
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _damaged(path: str, why: str) -> InputError:
    return InputError(path, f"a damaged or truncated safetensors file ({why})", _REMEDY)
