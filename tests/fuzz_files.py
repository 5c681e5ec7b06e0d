"""Files for `tests.fuzz`: whole ones of every reader of costs, and ways of breaking them.

Bits, bytes, cuts, repeats; headers that claim terabytes; archives that unpack to gigabytes.
"""

from __future__ import annotations

import functools
import io
import json
import random
import zipfile
from dataclasses import dataclass

import numpy as np
import scipy.io
import scipy.sparse

from tests.checkpoints.written import safetensors


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One command line: a command, a mutated file and the options beside it.

    The file is the first argument, unless an option is ``@``, which then is its path. ``good`` is a
    whole file beside it, whose path stands for ``@good``. ``place`` is what lies under the name:
    the file, a link, or no file at all.
    """

    command: tuple[str, ...]
    name: str
    data: bytes
    options: tuple[str, ...]
    good: tuple[str, bytes] = ("cost.npy", b"")
    place: str = "file"


def seeds() -> dict[str, bytes]:
    """Whole files of every format, from which mutants are made."""
    rng = np.random.default_rng(0)
    cost = rng.random((5, 4))
    found: dict[str, bytes] = {}

    def keep(name: str, write) -> None:
        stream = io.BytesIO()
        write(stream)
        found[name] = stream.getvalue()

    for kind in ("<f8", ">f8", "<f4", "<f2", "<i4", "|u1", "<c16", "|b1"):
        keep(f"{kind[1:]}.npy", lambda s, k=kind: np.save(s, (10 * cost).astype(k)))
    keep("fortran.npy", lambda s: np.save(s, np.asfortranarray(cost)))
    keep("stack.npy", lambda s: np.save(s, rng.random((3, 4, 4))))
    keep("inf.npy", lambda s: np.save(s, np.where(cost > 0.8, np.inf, cost)))
    keep("all.npz", lambda s: np.savez(s, cost=cost, row=np.ones(5), col=np.full(4, 1.25)))
    keep("packed.npz", lambda s: np.savez_compressed(s, cost=cost))
    keep("cost.mat", lambda s: scipy.io.savemat(s, {"cost": cost}))
    keep("packed.mat", lambda s: scipy.io.savemat(s, {"cost": cost}, do_compression=True))
    keep("sparse.mat", lambda s: scipy.io.savemat(s, {"cost": scipy.sparse.csc_array(cost)}))
    keep("cost.safetensors", lambda s: s.write(safetensors({"cost": cost})))
    keep("half.safetensors", lambda s: s.write(safetensors({"cost": cost, "x": cost}, "BF16")))
    found["seven.mat"] = hdf5_mat()
    keep("dense.mtx", lambda s: scipy.io.mmwrite(s, cost))
    keep("sparse.mtx", lambda s: scipy.io.mmwrite(s, scipy.sparse.coo_array(cost)))
    text = "\n".join(",".join(repr(float(x)) for x in row) for row in cost) + "\n"
    found["cost.csv"] = text.encode()
    found["cost.tsv"] = text.replace(",", "\t").encode()
    found["cost.txt"] = text.replace(",", " ").encode()
    return found


def hdf5_mat() -> bytes:
    """What MATLAB's -v7.3 begins with: its own line, then an HDF5 superblock."""
    title = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124)
    block = b"\x89HDF\r\n\x1a\n" + bytes(8) + b"\x08\x08" + bytes(70)
    return title + b"\x00\x02IM" + bytes(384) + block


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few changes: bits, bytes, cuts, repeats, swaps, insertions of numbers that hurt."""
    work = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not work:
            break
        place = rng.randrange(len(work))
        kind = rng.randrange(8)
        if kind == 0:
            work[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            work[place] = rng.randrange(256)
        elif kind == 2:
            del work[place:]
        elif kind == 3:
            del work[place : place + rng.randrange(1, 9)]
        elif kind == 4:
            work[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif kind == 5:
            word = rng.choice([b"nan", b"inf", b"-1", b"1e999", b"0", b"99999999999999999999"])
            work[place : place + len(word)] = word
        elif kind == 6:
            size = rng.choice([1, 2, 4, 8])
            value = rng.choice([0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)])
            work[place : place + size] = value.to_bytes(size, "little")
        else:
            other = rng.randrange(len(work))
            work[place], work[other] = work[other], work[place]
    return bytes(work)


def repacked(rng: random.Random) -> bytes:
    """An archive with odd members: names, methods, duplicates, sizes."""
    stream = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in rng.sample(["cost.npy", "row.npy", "col.npy", "x", "../a.npy", "cost"], 3):
            inner = io.BytesIO()
            np.save(inner, np.random.default_rng(rng.randrange(99)).random((3, 3)))
            archive.writestr(name, mutate(inner.getvalue(), rng))
    return stream.getvalue()


def hard_problem(rng: random.Random) -> tuple[bytes, tuple[str, ...]]:
    """A valid cost that arithmetic does not like, with masses and temperatures to match."""
    draw = np.random.default_rng(rng.randrange(2**32))
    n, m = rng.choice([(1, 1), (1, 4), (4, 1), (2, 2), (3, 3), (4, 7), (6, 6), (8, 4)])
    cost = draw.random((n, m))
    kind = rng.randrange(8)
    if kind == 0:
        cost = draw.integers(0, 3, (n, m)).astype(float)
    elif kind == 1:
        cost = np.zeros((n, m))
    elif kind == 2:
        cost *= 10.0 ** rng.choice([-140, -120, -30, 30, 120, 140])
    elif kind == 3:
        cost += 10.0 ** rng.choice([3, 8, 15])
    elif kind == 4:
        cost[draw.random((n, m)) < 0.4] = np.inf
    elif kind == 5:
        cost[0, 0] = 10.0 ** rng.choice([6, 30, 57])
    elif kind == 6:
        cost = np.add.outer(draw.random(n), draw.random(m))
    row, col = np.ones(n), np.full(m, n / m)
    if rng.random() < 0.4:
        row, col = 10.0 ** (6 * draw.random(n)), 10.0 ** (6 * draw.random(m))
        col *= row.sum() / col.sum()
    stream = io.BytesIO()
    np.savez(stream, cost=cost, row=row, col=col)
    eps = rng.choice(["1", "0.1", "1e-2", "1e-3", "3e-4", "1e-5", "1e-9", "1:1e-3:4"])
    return stream.getvalue(), ("--eps", eps, "--eps-unit", rng.choice(["range", "range", "none"]))


_CLAIMS = (
    "(1000000, 1000000)", "(4294967296, 2)", "(9223372036854775807,)", "(1, 2, 3000000000)",
    "(65536, 8192)", "(-1, 4)", "()", "(0, 0)",
)  # fmt: skip


def npy_claiming(shape: str, descr: str = "<f8") -> bytes:
    """An npy file whose header claims a shape, with nothing behind it."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(64)


@functools.cache
def bomb(size: int) -> bytes:
    """An archive of a few kilobytes whose 3×3 cost is followed by ``size`` bytes of zeros."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("cost.npy", "w") as inner,
    ):
        inner.write(npy_claiming("(3, 3)"))
        for _ in range(size // 2**20):
            inner.write(bytes(2**20))
    return stream.getvalue()


def claims(rng: random.Random) -> tuple[str, bytes]:
    """A file that says it is far larger than it is, or than it should be."""
    big = rng.choice(_CLAIMS)
    kind = rng.randrange(6)
    if kind == 0:
        return "claim.npy", npy_claiming(
            big, rng.choice(["<f8", ">f2", "|V2", "<c16", "|O", "<U9"])
        )
    if kind == 1:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("cost.npy", npy_claiming(big))
        return "claim.npz", stream.getvalue()
    if kind == 2:
        return "bomb.npz", bomb(rng.choice([2**20, 2**28]))
    if kind == 3:
        sizes = rng.choice(["99999999 99999999 1", "1000000 1000000", "3 3 9999999999", "0 5 0"])
        return (
            "claim.mtx",
            f"%%MatrixMarket matrix coordinate real general\n{sizes}\n1 1 1\n".encode(),
        )
    header = {"cost": {"dtype": rng.choice(["F64", "BF16"]), "shape": [10**6, 10**6],
                       "data_offsets": [0, 8 * 10**12]}}  # fmt: skip
    text = json.dumps(header).encode()
    length = rng.choice([len(text), 2**40, 2**63])
    return "claim.safetensors", length.to_bytes(8, "little") + text
