"""Which tensors each implementation stores, and the static logits and intervals they give.

The dynamic part of the logits depends on the token. From the weights alone it has an interval, by
Cauchy-Schwarz on the normed input x, whose length is at most sqrt(size):

    DeepSeek, GLM, Megatron    |d_ij| <= |scale| ‖fn[2n + n i + j]‖ sqrt(n hidden)
    hyper-connections          |d_ij| <= |residual_scale| ‖(1 + gamma)∘fn[p, :, v + j]‖ sqrt(dim)
    MaxText                    |d_ij| <= |scale| ‖norm scale∘res_alpha[:, n i + j]‖ sqrt(n hidden)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.loops import Name
from sinkdiag.checkpoints.site import INFLATION, Site, place_of, static_site
from sinkdiag.checkpoints.store import Store
from sinkdiag.errors import InputError
from sinkdiag.text import printable


@dataclass(frozen=True, kw_only=True)
class Family:
    """How one implementation's sites are found and read.

    ``pattern`` matches the name of a tensor that every site has, with the module's name as its
    group ``key`` and what separates it from its tensors as ``dot``; ``beside`` are the tensors that
    must be there too; ``parts`` all names that are looked at.
    """

    pattern: re.Pattern[str]
    beside: tuple[str, ...]
    read: Callable[[Store, str, str], Site]

    def sites(self, store: Store) -> list[Site]:
        """Every site of a store, unordered."""
        found = []
        for name in store.tensors:
            match = self.pattern.fullmatch(name)
            if match is None:
                continue
            prefix = name[: match.end("key")] + match["dot"]
            if all(prefix + part in store.tensors for part in self.beside):
                found.append(self.read(store, match["key"], prefix))
        return found


def tensor(store: Store, name: str, shape: tuple[int, ...]) -> FloatArray:
    """One tensor, of which the shape is known beforehand.

    Raises
    ------
    InputError
        When it has another.
    """
    found = store.tensors[name]
    if found.shape != shape and not (math.prod(shape) == math.prod(found.shape) == 1):
        raise InputError(
            store.name,
            f"{printable(name)} has shape {list(found.shape)} and not {list(shape)}",
            "give --implementation, or --logits for another one",
        )
    return found.read().reshape(shape)


def streams_of(store: Store, name: str) -> int:
    """The n streams of a tensor with n² + 2n entries: of pre-, post- and residual weights.

    Raises
    ------
    InputError
        When there is no such n, or the configuration says another.
    """
    size = math.prod(store.tensors[name].shape)
    n = math.isqrt(size + 1) - 1
    if n < 1 or n * n + 2 * n != size:
        raise InputError(
            store.name,
            f"{printable(name)} has {size} entries, which is n² + 2n for no n",
            "give --implementation, or --logits for another one",
        )
    if store.config.streams is not None and store.config.streams != n:
        raise InputError(
            store.name,
            f"{printable(name)} is for {n} streams and config.json says {store.config.streams}",
            "give the config.json of this model",
        )
    return n


def _deepseek(store: Store, key: str, prefix: str) -> Site:
    if store.tensors[f"{prefix}scale"].shape == (2,):
        raise InputError(
            store.name,
            f"{printable(prefix)}scale has two entries: these hyper-connections have no residual "
            "matrix",
            "there is nothing that Sinkhorn projects",
        )
    scale = tensor(store, f"{prefix}scale", (3,))[2]
    return _mapped(store, key, (f"{prefix}fn", f"{prefix}base"), scale)


def _megatron(store: Store, key: str, prefix: str) -> Site:
    scale = tensor(store, f"{prefix}alpha_res", (1,))[0]
    return _mapped(store, key, (f"{prefix}mapping_proj.weight", f"{prefix}bias"), scale)


def _mapped(store: Store, key: str, names: tuple[str, str], scale: float) -> Site:
    """A site of one linear map (2n + n², n·hidden) with a bias; the matrix comes last in both."""
    n = streams_of(store, names[1])
    size = n * n + 2 * n
    shape = store.tensors[names[0]].shape
    width = shape[-1] if len(shape) == 2 else 0
    if width == 0 or width % n:
        raise InputError(
            store.name,
            f"{printable(names[0])} has shape {list(shape)} and not [{size}, {n}·hidden]",
            "give --implementation, or --logits for another one",
        )
    rows = tensor(store, names[0], (size, width))[2 * n :]
    lengths = abs(scale) * lengths_of(rows).reshape(n, n)
    return Site(
        place=place_of(key),
        logits=tensor(store, names[1], (size,))[2 * n :].reshape(n, n),
        bound=lengths * math.sqrt(width) * INFLATION,
        typical=lengths,
        roundoff=store.tensors[names[1]].roundoff,
    )


def _lucidrains(store: Store, key: str, prefix: str) -> Site:
    name = f"{prefix}static_alpha"
    n, views = alpha_shape(store, name)
    _refuse_fractions(store, prefix, n, views)
    shape = store.tensors[f"{prefix}dynamic_alpha_fn"].shape
    if len(shape) != 3:
        raise InputError(
            store.name,
            f"{printable(prefix)}dynamic_alpha_fn has {len(shape)} dimensions and not 3",
            "give --implementation mhc-lite if that is what wrote it",
        )
    weights = tensor(store, f"{prefix}dynamic_alpha_fn", (shape[0], shape[1], n + views))
    scale = abs(tensor(store, f"{prefix}residual_scale", (1,))[0])
    gamma = np.full(shape[1], np.nan)
    if f"{prefix}norm.gamma" in store.tensors:
        gamma = tensor(store, f"{prefix}norm.gamma", (shape[1],))
    weighted = ((1.0 + gamma)[:, None] * weights[:, :, views:]).transpose(0, 2, 1)
    lengths = np.tile(scale * lengths_of(weighted).max(axis=0), (n, 1))
    return Site(
        place=place_of(key),
        logits=tensor(store, name, (n, n + views))[:, views:],
        bound=lengths * math.sqrt(shape[1]) * INFLATION,
        typical=lengths,
        roundoff=store.tensors[name].roundoff,
    )


def _mhc_lite(store: Store, key: str, prefix: str) -> Site:
    """The static part alone: what its dynamic part is bounded by, the file does not say."""
    name = f"{prefix}static_alpha"
    n, views = alpha_shape(store, name)
    logits = tensor(store, name, (n, n + views))[:, views:]
    unknown = np.full((n, n), np.nan)
    return Site(
        place=place_of(key),
        logits=logits,
        bound=unknown,
        typical=unknown,
        roundoff=store.tensors[name].roundoff,
    )


def _tokenbender(store: Store, key: str, prefix: str) -> Site:
    name = f"{prefix}H_res_logits"
    n = store.tensors[name].shape[0] if store.tensors[name].shape else 0
    return static_site(key, tensor(store, name, (n, n)), store.tensors[name].roundoff)


def _maxtext(store: Store, key: str, prefix: str) -> Site:
    name, dot = f"{prefix}res_beta", prefix[len(key) :]
    n = store.tensors[name].shape[0] if store.tensors[name].shape else 0
    logits = tensor(store, name, (n, n))
    shape = store.tensors[f"{prefix}res_alpha"].shape
    weights = tensor(store, f"{prefix}res_alpha", (shape[0] if shape else 0, n * n))
    scale = abs(tensor(store, f"{prefix}res_alpha_scale", (1,))[0])
    norm = f"{prefix}mhc_norm{dot}scale"
    factors = np.full(len(weights), np.nan)
    if norm in store.tensors:
        factors = tensor(store, norm, (len(weights),))
    lengths = scale * lengths_of((factors[:, None] * weights).T).reshape(n, n)
    return Site(
        place=place_of(key),
        logits=logits,
        bound=lengths * math.sqrt(len(weights)) * INFLATION,
        typical=lengths,
        roundoff=store.tensors[name].roundoff,
    )


def alpha_shape(store: Store, name: str) -> tuple[int, int]:
    """(n, v) of a static_alpha [n, v + n].

    Raises
    ------
    InputError
        When it has no such shape.
    """
    shape = store.tensors[name].shape
    if len(shape) != 2 or not 1 <= shape[0] < shape[1]:
        raise InputError(
            store.name,
            f"{printable(name)} has shape {list(shape)} and not [n, v + n]",
            "give --logits for another implementation",
        )
    return shape[0], shape[1] - shape[0]


def _refuse_fractions(store: Store, prefix: str, n: int, views: int) -> None:
    """Fraction connections project blocks that are not square, except in mHCv2."""
    beta = store.tensors.get(f"{prefix}static_beta")
    weights = store.tensors.get(f"{prefix}dynamic_beta_fn")
    if beta is not None and len(beta.shape) == 3:
        return
    fractions = weights.shape[1] if weights is not None and len(weights.shape) == 2 else 1
    unknown = weights is None and views > 1
    if fractions > 1 or unknown:
        what = f"num_fracs = {fractions}" if fractions > 1 else "num_fracs or num_input_views > 1"
        raise InputError(
            store.name,
            f"{printable(prefix)}static_alpha [{n}, {n + views}] has fractions ({what}): the "
            "blocks that are projected are not square",
            "only num_fracs = 1 is read",
        )


def lengths_of(rows: FloatArray) -> FloatArray:
    """Euclidean lengths along the last axis, brought to size 1 before anything is squared."""
    top = np.abs(rows).max(axis=-1, keepdims=True, initial=0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        unit = np.divide(rows, top, out=np.zeros_like(rows), where=top != 0)
        return np.asarray(top[..., 0] * np.sqrt((unit * unit).sum(axis=-1)))


_DOTTED = r"(?P<key>.*?)(?P<dot>\.?)"
FAMILIES: Mapping[Name, Family] = MappingProxyType(
    {
        "deepseek-v4": Family(
            pattern=re.compile(r"(?P<key>(?:.*\.)?(?:\w*_hc|hc_(?:attn|ffn)))(?P<dot>[._])base"),
            beside=("fn", "scale"),
            read=_deepseek,
        ),
        "hyper-connections": Family(
            pattern=re.compile(_DOTTED + "static_alpha"),
            beside=("dynamic_alpha_fn", "residual_scale"),
            read=_lucidrains,
        ),
        "tokenbender": Family(
            pattern=re.compile(_DOTTED + "H_res_logits"), beside=(), read=_tokenbender
        ),
        "megatron": Family(
            pattern=re.compile(_DOTTED + "mapping_proj.weight"),
            beside=("alpha_res", "bias"),
            read=_megatron,
        ),
        "maxtext": Family(
            pattern=re.compile(r"(?P<key>.*?)(?P<dot>[./\-]?)res_beta"),
            beside=("res_alpha", "res_alpha_scale"),
            read=_maxtext,
        ),
    }
)
# Those that share another's tensors and are only taken when they are named.
NAMED: Mapping[Name, Family] = MappingProxyType(
    {
        "hyper-connections-log": FAMILIES["hyper-connections"],
        "mhc-lite": Family(pattern=re.compile(_DOTTED + "static_alpha"), beside=(), read=_mhc_lite),
    }
)
