"""Files that once broke the program: one line, exit status 3, and no memory taken on their word."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from sinkdiag.errors import InputError
from sinkdiag.load import load_costs, load_marginals
from sinkdiag.load.source import MOST_ENTRIES
from tests.helpers import invoke

FAULTS = Path(__file__).parent.parent / "data" / "faults"
DAMAGED = {
    "big.npy": "too large",
    "fpe.mtx": "empty",
    "inf22.npy": "row 0 has no finite cost",
    "ld.npy": "beyond double precision",
    "seek.npz": "damaged",
    "segv2.mat": "damaged",
    "segv_min.mat": "damaged",
    "tok.npy": "damaged",
    "zbad.npz": "damaged",
}


@pytest.mark.parametrize(("name", "fault"), DAMAGED.items())
def test_a_damaged_file_is_one_line(name, fault):
    outcome = invoke("spectrum", FAULTS / name, "--eps", "0.1")
    assert outcome.status == 3
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert name in outcome.err
    assert fault in outcome.err


def header(shape, descr="<f8"):
    """An npy file that claims a shape and holds nothing."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", ["(10**9, 10**9)", "(4000000000,)", f"({MOST_ENTRIES + 1},)"])
def test_claims_of_a_header_take_no_memory(tmp_path, shape):
    path = tmp_path / "cost.npy"
    path.write_bytes(header(eval(shape)))
    with pytest.raises(InputError, match="too large"):
        load_costs(str(path))


def test_nested_headers(tmp_path):
    path = tmp_path / "cost.npy"
    path.write_bytes(header("(" * 3000))
    with pytest.raises(InputError, match="damaged"):
        load_costs(str(path))


def bomb():
    """A gibibyte of zeros a few times over, packed into a few megabytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("cost.npy", header((2, 2)))
    return bytearray(stream.getvalue())


def test_an_archive_that_lies_about_its_size(tmp_path):
    data = bomb()
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path = tmp_path / "cost.npz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged|too large"):
        load_costs(str(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, 97])
def test_unusual_compression(tmp_path, method):
    data = bomb()
    place, central = data.find(b"PK\x03\x04"), data.rfind(b"PK\x01\x02")
    data[place + 8 : place + 10] = method.to_bytes(2, "little")
    data[central + 10 : central + 12] = method.to_bytes(2, "little")
    path = tmp_path / "cost.npz"
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_costs(str(path))


def test_sparse_matrices_of_a_million_rows(tmp_path):
    wide = scipy.sparse.coo_array(([1.0], ([0], [0])), shape=(1_000_000, 1_000_000))
    scipy.io.savemat(tmp_path / "cost.mat", {"cost": wide.tocsc()})
    with pytest.raises(InputError, match="too large"):
        load_costs(str(tmp_path / "cost.mat"))
    (tmp_path / "cost.mtx").write_text(
        "%%MatrixMarket matrix coordinate real general\n1000000 1000000 1\n1 1 1.0\n"
    )
    with pytest.raises(InputError, match="too large"):
        load_costs(str(tmp_path / "cost.mtx"))


def test_a_device_that_never_ends():
    """The limit is met in a process of its own, which is not given that much memory."""
    code = (
        "from sinkdiag.load import source, load_marginals\n"
        "source.MOST_BYTES = 2**26\n"
        "load_marginals('/dev/zero')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InputError: /dev/zero: more than" in done.stderr


def test_a_pipe_is_read_once(tmp_path):
    fifo = tmp_path / "masses"
    os.mkfifo(fifo)
    np.save(tmp_path / "cost.npy", np.random.default_rng(0).random((3, 3)))
    writer = threading.Thread(target=lambda: fifo.write_text("1 1 1\n1 1 1\n"))
    writer.start()
    outcome = invoke(
        "spectrum",
        tmp_path / "cost.npy",
        *("--eps", "0.1", "--marginals", fifo, "--manifest", tmp_path / "m.json"),
    )
    writer.join()
    assert outcome.status == 0
    assert '"array"' in (tmp_path / "m.json").read_text()


def test_marginals_that_are_no_marginals(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="damaged"):
        load_marginals(str(path))
