"""Mutated checkpoints for the command line: bytes as they fall, and headers that nearly fit."""

from __future__ import annotations

import json
import random
import struct

import numpy as np

from tests.checkpoints.written import deepseek, framed, lucidrains, safetensors
from tests.fuzz_files import Mutant, mutate

NUMBERS = (
    0, 1, -1, 2, 3, 4, 7, 8, 24, 2**31, 2**32, 2**62, 2**63, 2**64, 10**30, 1.5, -0.0, 1e400,
    True, None, "4", [], {}, [4], "", "F64", "BF16", "I8", "F8_E4M3", "nothing",
)  # fmt: skip
OPTIONS = (
    (), (), (), ("--extended",), ("--sweeps", "1"), ("--implementation", "mhc-lite"),
    ("--logits", "base"), ("--logits", "."), ("--against-transposed",), ("--start", "chain"),
    ("--implementation", "hyper-connections-log"), ("--optimizer", "adam"),
)  # fmt: skip


def seeds() -> dict[str, bytes]:
    """Whole files of every family and type."""
    draw = np.random.default_rng(0)
    logits = 3 * draw.normal(size=(2, 4, 4))
    start = {"transformer.h.0.hc_attn.H_res_logits": 8 * np.eye(4) - 8}
    found = {
        f"deepseek-{dtype}": safetensors(deepseek(logits, hidden=2), dtype)
        for dtype in ("F32", "BF16", "F16", "F64")
    }
    found["lucidrains"] = safetensors(lucidrains(logits[0]))
    found["tokenbender"] = safetensors(start, "BF16")
    found["other"] = safetensors({"wte.weight": np.ones((3, 3))})
    return found


def altered(data: bytes, rng: random.Random) -> bytes:
    """The file with a few values of its header replaced, moved or repeated."""
    length = struct.unpack("<Q", data[:8])[0]
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    for _ in range(rng.choice([1, 1, 2, 4])):
        name = rng.choice(sorted(header))
        entry = header[name]
        kind = rng.randrange(6)
        if kind == 0 and len(header) > 1:
            del header[name]
        elif kind == 1:
            header[rng.choice(["__metadata__", "", "layers.1.hc_attn_base", "\n"])] = entry
        elif kind == 2:
            header[name] = rng.choice(NUMBERS)
        elif isinstance(entry, dict) and entry:
            field = rng.choice(sorted(entry))
            if isinstance(entry[field], list) and entry[field] and rng.random() < 0.8:
                entry[field][rng.randrange(len(entry[field]))] = rng.choice(NUMBERS)
            else:
                entry[field] = rng.choice(NUMBERS)
    return framed(header, rest if rng.random() < 0.7 else rest[: rng.randrange(len(rest) + 1)])


def lied(data: bytes, rng: random.Random) -> bytes:
    """The file with another length of its header."""
    length = struct.unpack("<Q", data[:8])[0]
    wrong = rng.choice([0, 1, length - 1, length + 1, 10**8, 2**40, 2**63, 2**64 - 1, len(data)])
    return struct.pack("<Q", wrong % 2**64) + data[8:]


def wild(data: bytes, rng: random.Random) -> bytes:
    """The file with its numbers, and not its header, overwritten."""
    length = 8 + struct.unpack("<Q", data[:8])[0]
    body = bytearray(data[length:])
    for _ in range(rng.choice([1, 4, 40])):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return data[:length] + bytes(body)


def mutants(count: int, seed: int) -> list[Mutant]:
    """Reproducible command lines of ``stack``."""
    rng = random.Random(seed)
    whole = seeds()
    found = []
    for _ in range(count):
        change = rng.choice([mutate, altered, altered, wild, lied])
        data = change(whole[rng.choice(sorted(whole))], rng)
        options = rng.choice(OPTIONS)
        found.append(
            Mutant(command=("stack",), name="mutant.safetensors", data=data, options=options)
        )
    return found
