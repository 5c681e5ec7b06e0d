"""Small checkpoints written byte by byte, as no package would have to be there."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

CODES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"}


def encoded(values, dtype):
    if dtype == "BF16":
        bits = np.asarray(values, dtype="<f4").view("<u4")
        return (bits >> 16).astype("<u2").tobytes()
    return np.asarray(values).astype(CODES[dtype]).tobytes()


def safetensors(tensors, dtype="F32"):
    """The bytes of a file of named arrays."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        part = encoded(values, dtype)
        header[name] = {
            "dtype": dtype,
            "shape": list(np.shape(values)),
            "data_offsets": [len(data), len(data) + len(part)],
        }
        data += part
    return framed(header, data)


def framed(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def save(path: Path, tensors, dtype="F32"):
    path.write_bytes(safetensors(tensors, dtype))
    return str(path)


def deepseek(logits, *, key="layers.{}.hc_{}", hidden=4, scale=0.1, seed=0):
    """Tensors of a network with one attention and one feed-forward site a layer."""
    draw = np.random.default_rng(seed)
    found = {}
    for number, matrix in enumerate(logits):
        n = len(matrix)
        name = key.format(number // 2, ("attn", "ffn")[number % 2])
        found[f"{name}_fn"] = draw.normal(size=(n * n + 2 * n, n * hidden))
        found[f"{name}_base"] = np.concatenate([np.zeros(2 * n), np.ravel(matrix)])
        found[f"{name}_scale"] = np.full(3, scale)
    return found


def lucidrains(logits, *, prefix="layers.0.", dim=8, views=1, seed=0, **more):
    """Tensors of one module."""
    n, draw = len(logits), np.random.default_rng(seed)
    found = {
        "static_alpha": np.hstack([np.ones((n, views)), logits]),
        "dynamic_alpha_fn": draw.normal(size=(1, dim, n + views)),
        "residual_scale": np.full(1, 0.01),
        "norm.gamma": 0.1 * draw.normal(size=dim),
        "static_beta": np.ones(n),
        "dynamic_beta_fn": np.zeros(dim),
    }
    return {prefix + name: values for name, values in {**found, **more}.items()}
