"""Where tensors come from: a .safetensors file, a folder of shards, .npz, .npy, .pt.

A `Store` knows names and shapes; a tensor is read when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import MOST_ITERS
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import ZIP_MAGIC, any_npy, member_bytes, open_archive
from sinkdiag.load.safetensors import (
    MOST_HEADER,
    ROUNDOFFS,
    Entry,
    read_header,
    read_json,
    read_tensor,
)
from sinkdiag.load.source import MOST_BYTES, bytes_of, too_large, walled
from sinkdiag.problem import check_real
from sinkdiag.text import printable

INDEX_ENDING = ".safetensors.index.json"
Wanted = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One stored tensor: its shape, the unit roundoff of its type (nan: none), how it is read."""

    shape: tuple[int, ...]
    roundoff: float
    read: Callable[[], FloatArray]


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a config.json says of the projections; None where it says nothing."""

    streams: int | None = None
    iters: int | None = None
    denominator: float | None = None


@dataclass(frozen=True, kw_only=True)
class Store:
    """The tensors of one model by name, what its config says, and the files that were opened.

    ``is_bare``: there are logits and nothing else, so that no name says whose they are.
    """

    name: str
    tensors: Mapping[str, Tensor]
    config: Config
    files: tuple[str, ...]
    is_bare: bool = False


def open_store(source: str, wanted: Wanted) -> Store:
    """A model as the command line names it; of a folder only shards with a wanted name are opened.

    Raises
    ------
    InputError
        Naming the file, the fault and the remedy.
    """
    if Path(source).is_dir():
        return _folder(source, wanted)
    path, key = _split_key(source)
    suffix = Path(path).suffix.lower()
    if suffix == ".safetensors":
        beside = Path(path).parent / "config.json"
        config, files = _config(beside)
        return Store(name=source, tensors=_shard(path), config=config, files=(path, *files))
    if suffix in (".npz", ".npy"):
        return _arrays(source, path, key)
    if suffix in (".pt", ".pth", ".bin"):
        return _pickled(source)
    if not suffix and not Path(path).exists():
        raise InputError(source, "no such file or folder", "check the path")
    raise InputError(
        source,
        f"the ending {suffix!r} is not known",
        "use .safetensors, a folder of shards, .npz, .npy or .pt",
    )


def store_of(logits: FloatArray, name: str = "logits") -> Store:
    """A store of logits (n, n) or (L, n, n) that are already there."""
    return Store(
        name=name, tensors={"logits": _present(logits)}, config=Config(), files=(), is_bare=True
    )


def _shard(path: str) -> dict[str, Tensor]:
    return {name: _stored(path, name, entry) for name, entry in read_header(path).items()}


def _stored(path: str, name: str, entry: Entry) -> Tensor:
    return Tensor(
        shape=entry.shape,
        roundoff=ROUNDOFFS.get(entry.dtype, math.nan),
        read=partial(read_tensor, path, name, entry),
    )


def _present(values: FloatArray, roundoff: float = 2.0**-53) -> Tensor:
    return Tensor(shape=values.shape, roundoff=roundoff, read=lambda: values)


def _folder(source: str, wanted: Wanted) -> Store:
    config, files = _config(Path(source) / "config.json")
    inside = sorted(Path(source).iterdir())
    indices = [str(path) for path in inside if path.name.endswith(INDEX_ENDING)]
    shards: dict[str, list[str] | None] = {
        str(path): None for path in inside if path.suffix == ".safetensors"
    }
    if len(indices) > 1:
        raise InputError(source, f"the folder holds {len(indices)} indices", "name one model")
    if indices:
        shards = _indexed(indices[0], wanted)
        files = (*files, indices[0])
    elif not shards:
        raise InputError(
            source, "the folder holds no .safetensors file", "name the folder of a model"
        )
    tensors: dict[str, Tensor] = {}
    for path, names in shards.items():
        found = _shard(path)
        missing = [name for name in names or () if name not in found]
        if missing:
            raise InputError(
                path, f"{printable(missing[0])} is not in it, as the index says", "fetch it again"
            )
        twice = tensors.keys() & found.keys()
        if twice:
            raise InputError(
                path, f"{printable(min(twice))} is in two shards", "keep one of the files"
            )
        tensors |= found
    return Store(name=source, tensors=tensors, config=config, files=(*files, *shards))


def _indexed(path: str, wanted: Wanted) -> dict[str, list[str] | None]:
    """The wanted names of each shard that an index gives them to."""
    said = _small_json(path, "index").get("weight_map")
    if not isinstance(said, dict) or not all(isinstance(shard, str) for shard in said.values()):
        raise InputError(path, "there is no weight_map", "fetch the index again")
    shards: dict[str, list[str] | None] = {}
    for name, shard in said.items():
        if not wanted(name):
            continue
        if Path(shard).name != shard or shard in ("", ".", ".."):
            raise InputError(
                path, f"{printable(shard)} is no file beside it", "fetch the index again"
            )
        names = shards.setdefault(str(Path(path).parent / shard), [])
        if names is not None:
            names.append(name)
    return shards


def _small_json(path: str, what: str) -> dict[str, Any]:
    """A JSON file that is no larger than a header may be."""
    if Path(path).stat().st_size > MOST_HEADER:
        raise InputError(path, f"no {what} is as large", f"fetch the {what} again")
    return read_json(bytes_of(path, what), path, what)


def _config(path: Path) -> tuple[Config, tuple[str, ...]]:
    """What a config.json says, if there is one; for models of several parts, of its text."""
    if not path.is_file():
        return Config(), ()
    said = _small_json(str(path), "configuration")
    inner = said.get("text_config")
    said = {**(inner if isinstance(inner, dict) else {}), **said}
    name = str(path)
    return (
        Config(
            streams=_whole(said, ("hc_mult", "num_residual_streams"), name),
            iters=_whole(said, ("hc_sinkhorn_iters", "mhc_sinkhorn_iterations"), name),
            denominator=_size(said, "hc_eps", name),
        ),
        (name,),
    )


def _whole(said: dict[str, Any], keys: tuple[str, ...], name: str) -> int | None:
    for key in keys:
        value = said.get(key)
        if value is not None:
            if type(value) is not int or not 1 <= value <= MOST_ITERS:
                raise InputError(name, f"{key} is no count", "give a whole number above 0")
            return value
    return None


def _size(said: dict[str, Any], key: str, name: str) -> float | None:
    value = said.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise InputError(name, f"{key} is no small number", "give one from 0, below 1")
    return float(value)


def _arrays(source: str, path: str, key: str | None) -> Store:
    """An .npy of logits, or an .npz whose names are read like a checkpoint's."""
    data = bytes_of(path, "logits")
    if not data.startswith(ZIP_MAGIC):
        values = check_real(any_npy(data, source), source)
        return Store(
            name=source,
            tensors={"logits": _present(values)},
            config=Config(),
            files=(path,),
            is_bare=True,
        )
    with open_archive(data, source) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            raise too_large(source, "the archive")
        names = [entry.removesuffix(".npy") for entry in archive.namelist()]
        chosen = names if key is None else [name for name in names if name == key]
        if not chosen:
            held = printable(", ".join(names)[:200]) or "nothing"
            raise InputError(source, f"the archive has no array {key!r}", f"it holds {held}")
        tensors = {}
        for name in chosen:
            where = f"{source} ({printable(name)})"
            values = any_npy(member_bytes(archive, f"{name}.npy", source), where)
            roundoff = 2.0**-24 if values.dtype == np.float32 else 2.0**-53
            tensors[name] = _present(check_real(values, where), roundoff)
    return Store(
        name=source,
        tensors=tensors,
        config=Config(),
        files=(path,),
        is_bare=len(tensors) == 1 or "logits" in tensors,
    )


def _pickled(source: str) -> Store:
    """A PyTorch checkpoint, through torch itself with weights only."""
    try:
        import torch
    except ImportError as error:
        raise InputError(
            source,
            "a PyTorch checkpoint, which only torch reads",
            "save it as .safetensors, or pip install 'sinkdiag[torch]'",
        ) from error
    if not Path(source).is_file():
        raise InputError(source, "no such file", "check the path")
    found = walled(
        source,
        "PyTorch checkpoint",
        "save it as .safetensors",
        lambda: torch.load(source, map_location="cpu", weights_only=True),
    )
    for outer in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(outer), dict):
            found = found[outer]
    roundoffs = {torch.float64: 2.0**-53, torch.float32: 2.0**-24}
    roundoffs |= {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
    tensors = {
        name: _present(value.double().numpy(), roundoffs[value.dtype])
        for name, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(name, str) and isinstance(value, torch.Tensor) and value.dtype in roundoffs
    }
    config, files = _config(Path(source).parent / "config.json")
    return Store(name=source, tensors=tensors, config=config, files=(source, *files))


def _split_key(source: str) -> tuple[str, str | None]:
    path, colon, key = source.rpartition(":")
    if colon and Path(path).suffix.lower() == ".npz" and not Path(source).exists():
        return path, key
    return source, None
