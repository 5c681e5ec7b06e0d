"""The format, its types, and headers that do not describe their bytes."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from sinkdiag import InputError
from sinkdiag.load.safetensors import read_header, read_tensor
from tests.checkpoints.written import framed, safetensors, save

VALUES = np.array([[1.0, -2.5, 3e-5], [0.1, 1e4, -0.0]])


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_values_come_back(tmp_path, dtype):
    path = save(tmp_path / "a.safetensors", {"x": VALUES, "empty": np.zeros((0, 3))}, dtype)
    header = read_header(path)
    found = read_tensor(path, "x", header["x"])
    wanted = VALUES
    if dtype == "BF16":
        wanted = (VALUES.astype("<f4").view("<u4") >> 16 << 16).view("<f4")
    elif dtype != "F64":
        wanted = VALUES.astype({"F32": np.float32, "F16": np.float16}[dtype])
    np.testing.assert_array_equal(found, wanted.astype(float))
    assert read_tensor(path, "empty", header["empty"]).shape == (0, 3)


def test_only_the_range_is_read(tmp_path):
    """A file of 64 GiB with holes: the tensor at its end costs its own bytes."""
    size = 2**36
    header = {
        "big": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]},
        "x": {"dtype": "F32", "shape": [2], "data_offsets": [size, size + 8]},
    }
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed(header, b""))
    origin = path.stat().st_size
    try:
        os.truncate(path, origin + size + 8)
    except OSError:
        pytest.skip("the file system has no files with holes of that size")
    with path.open("r+b") as stream:
        stream.seek(origin + size)
        stream.write(np.array([1.5, 2.5], dtype="<f4").tobytes())
    found = read_header(str(path))
    assert read_tensor(str(path), "x", found["x"]).tolist() == [1.5, 2.5]
    with pytest.raises(InputError, match="too large"):
        read_tensor(str(path), "big", found["big"])


def test_types_that_hold_no_logits(tmp_path):
    path = save(tmp_path / "a.safetensors", {"x": np.arange(4)}, "I64")
    with pytest.raises(InputError, match="type I64; save it as float32"):
        read_tensor(path, "x", read_header(path)["x"])


def entry(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    ("header", "data", "why"),
    [
        ({"x": entry()}, b"", "describes"),
        ({"x": entry()}, bytes(9), "describes"),
        ({"x": entry(shape=[3])}, bytes(8), "does not fit"),
        ({"x": entry(shape=[-2])}, bytes(8), "shape or range"),
        ({"x": entry(shape=[2.0])}, bytes(8), "shape or range"),
        ({"x": entry(shape=[True, 2])}, bytes(8), "shape or range"),
        ({"x": entry(shape=[10**30])}, bytes(8), "shape or range"),
        ({"x": entry(data_offsets=[8, 0])}, bytes(8), "no range"),
        ({"x": entry(data_offsets=[0, 8, 8])}, bytes(8), "no range"),
        ({"x": entry(), "y": entry()}, bytes(8), "overlap"),
        ({"x": entry(), "y": entry(data_offsets=[12, 20])}, bytes(20), "holes"),
        ({"x": {"dtype": "F32", "shape": [2]}}, bytes(8), "no dtype"),
        ({"x": entry(dtype=3)}, bytes(8), "shape or range"),
        ({"x": [1, 2]}, bytes(8), "no dtype"),
        ([1], b"", "no JSON object"),
    ],
)  # fmt: skip
def test_headers_that_lie(tmp_path, header, data, why):
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed(header, data))
    with pytest.raises(InputError, match=why) as caught:
        read_header(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"abc",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 0),
        struct.pack("<Q", 50) + b"{}",
        struct.pack("<Q", 2) + b"{]",
        struct.pack("<Q", 2) + b"\xff\xfe",
        struct.pack("<Q", 16) + b'{"a": 1, "a": 2}',
        struct.pack("<Q", 10) + b'{"a": NaN}',
        struct.pack("<Q", 50_000) + b"[" * 50_000,
        struct.pack("<Q", 5_008) + b'{"a": ' + b"9" * 5_001 + b"}",
    ],
)
def test_files_that_are_none(tmp_path, data):
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged or truncated"):
        read_header(str(path))


def test_unknown_types_are_kept_by_their_range(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed({"x": entry(dtype="F3_NEW")}, bytes(8)))
    found = read_header(str(path))
    with pytest.raises(InputError, match="F3_NEW"):
        read_tensor(str(path), "x", found["x"])


def test_what_is_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_header(str(tmp_path / "none.safetensors"))
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(InputError, match="no regular file"):
        read_header(str(tmp_path / "pipe.safetensors"))
    with pytest.raises(InputError, match="cannot be read"):
        read_header("a\0b")


def test_a_file_that_shrinks(tmp_path):
    path = save(tmp_path / "a.safetensors", {"x": VALUES})
    header = read_header(path)
    os.truncate(path, Path(path).stat().st_size - 4)
    with pytest.raises(InputError, match="shorter"):
        read_tensor(path, "x", header["x"])


def test_metadata_is_no_tensor(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors({"x": VALUES}))
    assert set(read_header(str(path))) == {"x"}
    assert "__metadata__" in json.loads(path.read_bytes()[8:].split(b"}}")[0] + b"}}")
