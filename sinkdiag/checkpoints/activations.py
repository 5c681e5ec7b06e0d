"""Recorded logits, token by token: the format that ``--activations`` reads.

An ``.npz`` archive. Every array is one site's, named by the module's dotted name as in the
checkpoint (``model.layers.3.attn_hc``), of shape (tokens, n, n) and any floating type: the logits
as they enter the projection, static and dynamic part together, before the temperature. The same
tokens in the same order at every site, so that products over depth are one token's. Nothing else
may lie in the archive. Written by ``numpy.savez(path, **logits)``, and by recorders in a training
loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.composite import (
    Composites,
    composites_of,
    rounding_shares,
    second_singular_values,
    uniform_distances,
)
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.checkpoints.projection import project
from sinkdiag.checkpoints.site import Model, Place
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import any_npy, member_bytes, open_archive
from sinkdiag.load.source import bytes_of
from sinkdiag.problem import check_real
from sinkdiag.text import printable

# Quantiles over tokens that are given.
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSite:
    """One site over all tokens: arrays (tokens,)."""

    place: Place
    sigma_2: FloatArray
    uniform_distance: FloatArray
    logit_range: FloatArray
    line_error: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenCourse:
    """H_total of every token over the sites of one part of the network."""

    stem: str
    sites: int
    composites: Composites


@dataclass(frozen=True, kw_only=True, eq=False)
class Tokens:
    """What recorded logits say of a model.

    ``missing`` are the sites that were not recorded; ``courses`` one a part of the network, only
    of parts that were recorded whole.
    """

    count: int
    sites: tuple[TokenSite, ...]
    missing: tuple[str, ...]
    courses: tuple[TokenCourse, ...]


def read_tokens(path: str, model: Model) -> Tokens:
    """Project every recorded token by the model's loop.

    Raises
    ------
    InputError
        When the archive cannot be read, an array is no site of the model, or shapes disagree.
    """
    data = bytes_of(path, "recorded logits")
    with open_archive(data, path) as archive:
        names = [entry.removesuffix(".npy") for entry in archive.namelist()]
        _check_names(path, names, model)
        products: dict[str, FloatArray] = {}
        doubts: dict[str, FloatArray] = {}
        sites, count = [], None
        for site in model.sites:
            key, stem = site.place.key, site.place.stem
            if key not in names:
                continue
            where = f"{path} ({printable(key)})"
            values = check_real(any_npy(member_bytes(archive, f"{key}.npy", path), where), where)
            count = _check_shape(where, values, len(site.logits), count)
            matrices = np.stack([project(logits, model.loop) for logits in values])
            sites.append(_site(site.place, values, matrices))
            mixers = mixed_by(matrices, model.loop)
            before = products.get(stem, np.eye(len(site.logits)))
            if before.shape[-1] == len(site.logits):
                products[stem] = mixers @ before
                doubts[stem] = doubts.get(stem, np.zeros(count)) + rounding_shares(mixers)
    courses = [
        TokenCourse(
            stem=part.stem,
            sites=len(part.sites),
            composites=composites_of(products[part.stem], len(part.sites), doubts[part.stem]),
        )
        for part in model.parts
        if part.is_chain and all(site.place.key in names for site in part.sites)
    ]
    missing = tuple(key for site in model.sites if (key := site.place.key) not in names)
    return Tokens(count=count or 0, sites=tuple(sites), missing=missing, courses=tuple(courses))


def mixed_by(matrices: FloatArray, loop: Loop) -> FloatArray:
    """The H (…, n, n) of projected matrices: their transposes where the network mixes by those."""
    return matrices.swapaxes(-1, -2) if loop.transposed else matrices


def _check_names(path: str, names: list[str], model: Model) -> None:
    known = {site.place.key for site in model.sites}
    if not names:
        raise InputError(path, "the archive is empty", "record logits, one array a site")
    for name in names:
        if name not in known:
            example = model.sites[0].place.key
            raise InputError(
                path,
                f"{printable(name)[:120]} is no site of {model.name}",
                f"name arrays as its sites are, such as {printable(example)}",
            )


def _check_shape(where: str, values: FloatArray, n: int, count: int | None) -> int:
    if values.ndim != 3 or values.shape[1:] != (n, n) or len(values) == 0:
        raise InputError(where, f"shape {list(values.shape)}", f"give (tokens, {n}, {n})")
    if not np.all(np.isfinite(values)):
        raise InputError(where, "the logits are not all finite", "record finite tokens only")
    if count is not None and len(values) != count:
        raise InputError(
            where,
            f"{len(values)} tokens, and {count} at the sites before",
            "record the same tokens at every site",
        )
    return len(values)


def _site(place: Place, values: FloatArray, matrices: FloatArray) -> TokenSite:
    sums = [np.abs(matrices.sum(axis=axis) - 1.0).max(axis=1) for axis in (1, 2)]
    return TokenSite(
        place=place,
        sigma_2=second_singular_values(matrices),
        uniform_distance=uniform_distances(matrices),
        logit_range=np.ptp(values, axis=(1, 2)),
        line_error=np.maximum(*sums),
    )
