"""From a store to a model: whose checkpoint it is, which loop it runs, where its sites are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.families import FAMILIES, NAMED
from sinkdiag.checkpoints.loops import LOOPS, Choice, Loop, Name, check_choice_of_loop
from sinkdiag.checkpoints.site import Model, Site, static_site
from sinkdiag.checkpoints.store import Store, open_store, store_of
from sinkdiag.errors import InputError, first_words
from sinkdiag.problem import check_real
from sinkdiag.text import printable

# Tensors that sites are made of, whatever the implementation.
_CANDIDATE = re.compile(
    r".*(?:(?:_hc\.|hc_(?:attn|ffn)_)(?:fn|base|scale)|static_alpha|dynamic_alpha_fn|static_beta"
    r"|residual_scale|dynamic_alpha_scale|dynamic_beta_fn|norm\.gamma|H_res_logits|alpha_res|bias"
    r"|mapping_proj\.weight|res_alpha|res_beta|res_alpha_scale|mhc_norm.scale)"
)
_OTHER = "leave --implementation out or give another NAME, or --logits REGEX"
_ASK = "give --implementation NAME, or --logits REGEX for the tensors that hold logits"


def read_model(source: str | ArrayLike, choice: Choice) -> Model:
    """The sites of a checkpoint, or of logits (n, n) or (L, n, n), in network order.

    Raises
    ------
    InputError
        When nothing is recognised, or what is there cannot be what it seems.
    """
    check_choice_of_loop(choice)
    if isinstance(source, str):
        store = open_store(source, _wanted(choice))
    else:
        store = store_of(check_real(source, "logits"))
    if choice.logits is not None:
        return _from_pattern(store, choice)
    if store.is_bare:
        return _bare(store, choice)
    return _recognised(store, choice)


def is_checkpoint(source: str) -> bool:
    """Whether a path looks like a network's rather than like costs: by its kind, or its names.

    A file that cannot be read is none; whoever reads it says why.
    """
    if Path(source).is_dir():
        return True
    suffix = Path(source).suffix.lower()
    if suffix in (".pt", ".pth", ".bin"):
        return Path(source).exists()
    if suffix not in (".safetensors", ".npz") or not Path(source).is_file():
        return False
    try:
        names = open_store(source, _wanted(Choice())).tensors
    except InputError:
        return False
    return "cost" not in names and any(_CANDIDATE.fullmatch(name) for name in names)


def _wanted(choice: Choice) -> Callable[[str], bool]:
    """Whether a tensor's name is one that may have to be read."""
    if choice.logits is None:
        return lambda name: _CANDIDATE.fullmatch(name) is not None
    pattern = _compiled(choice.logits)
    return lambda name: pattern.search(name) is not None


def _recognised(store: Store, choice: Choice) -> Model:
    families = FAMILIES if choice.implementation is None else {**FAMILIES, **NAMED}
    if choice.implementation is not None:
        if choice.implementation not in families:
            raise InputError(
                store.name, f"{choice.implementation} names no tensors", "give --logits REGEX"
            )
        families = {choice.implementation: families[choice.implementation]}
    found = {name: sites for name, family in families.items() if (sites := family.sites(store))}
    if not found:
        raise _nothing(store, choice.implementation)
    if len(found) > 1:
        raise InputError(
            store.name,
            f"it holds sites of {' and '.join(found)}",
            "say which with --implementation",
        )
    ((name, sites),) = found.items()
    how = "as asked for" if choice.implementation is not None else "recognised by its keys"
    return _model(store, name, choice, sites, how)


def _bare(store: Store, choice: Choice) -> Model:
    """Logits without names: (n, n), or (L, n, n) in network order."""
    name = "logits" if "logits" in store.tensors else next(iter(store.tensors))
    stack = store.tensors[name].read()
    sites = _stacked(store, stack, "", store.tensors[name].roundoff)
    how = "assumed, since bare logits do not say" if choice.implementation is None else "as given"
    return _model(store, choice.implementation or "plain", choice, sites, how)


def _from_pattern(store: Store, choice: Choice) -> Model:
    """Every tensor whose name the pattern finds, (n, n), (k, n, n) or (n²,), as static logits."""
    pattern = _compiled(choice.logits or "")
    sites = []
    for name, tensor in store.tensors.items():
        if pattern.search(name) is not None:
            sites += _stacked(store, tensor.read(), name, tensor.roundoff)
    if not sites:
        raise InputError(
            store.name,
            f"no tensor's name matches {printable(choice.logits or '')}",
            f"it holds {_shown(store)}",
        )
    how = "assumed" if choice.implementation is None else "as given"
    return _model(store, choice.implementation or "plain", choice, sites, how)


def _stacked(store: Store, values: FloatArray, name: str, roundoff: float) -> list[Site]:
    """The sites of n×n or L×n×n logits.

    Under a name they are the static part of a network, about whose inputs nothing is known;
    without one they are all there is.
    """
    n = round(values.shape[-1] ** 0.5) if values.ndim == 1 else values.shape[-1]
    if values.ndim == 1 and n * n == len(values):
        values = values.reshape(n, n)
    if values.ndim not in (2, 3) or values.shape[-2] != n or values.size == 0:
        what = f"{printable(name)} has" if name else "the logits have"
        raise InputError(
            store.name,
            f"{what} shape {list(values.shape)}",
            "give n×n logits, or L×n×n for L sites",
        )
    if values.ndim == 2:
        sites = [static_site(name or "0", values, roundoff)]
    else:
        dot = "." if name else ""
        sites = [static_site(f"{name}{dot}{k}", part, roundoff) for k, part in enumerate(values)]
    unknown = np.full((n, n), np.nan)
    return [replace(site, bound=unknown, typical=unknown) for site in sites] if name else sites


def _model(store: Store, name: Name, choice: Choice, sites: list[Site], how: str) -> Model:
    known = LOOPS[name]
    from_config = known.start == "softmax" and name in ("deepseek-v4", "megatron")
    if from_config:
        config = store.config
        known = replace(
            known,
            iters=config.iters if config.iters is not None else known.iters,
            denominator=config.denominator if config.denominator is not None else known.denominator,
        )
    loop = choice.applied(known)
    said = [f"implementation {name} ({how}): {words_of(loop)}"]
    said += _assumed(store, choice, from_config)
    if name == "megatron":
        said.append("earlier versions of Megatron-LM mixed with the matrix and not its transpose")
    ordered = sorted(sites, key=lambda site: site.place.order)
    return Model(
        name=store.name,
        implementation=name,
        loop=loop,
        sites=tuple(ordered),
        said=tuple(said),
        files=store.files,
    )


def words_of(loop: Loop) -> str:
    """The loop in words."""
    first = {"row": "rows", "column": "columns"}
    start = {
        "softmax": f"softmax of the {first[loop.first]}",
        "exp": f"exp minus the largest of the {first[loop.first]}",
        "chain": "log domain",
        "potentials": "log domain",
    }[loop.start]
    more = [f"{loop.iters} sweeps, {first[loop.first]} first"]
    if loop.closing:
        more.append("and last")
    if loop.denominator:
        more.append(f"sums + {loop.denominator:g}")
    if loop.temperature != 1.0:
        more.append(f"temperature {loop.temperature:g}")
    if not loop.transposed:
        more.append("mixed by the matrix itself")
    return ", ".join([start, *more])


def _assumed(store: Store, choice: Choice, from_config: bool) -> list[str]:
    """What the loop's numbers rest on."""
    if choice.iters is not None:
        return []
    if from_config and store.config.iters is not None:
        return ["its sweeps are config.json's"]
    return ["the checkpoint does not hold the number of sweeps: the default; say it with --sweeps"]


def _nothing(store: Store, implementation: Name | None) -> InputError:
    names = store.tensors
    if any(name.endswith("dynamic_alpha_scale") for name in names):
        fault = "plain hyper-connections (dynamic_alpha_scale), which project nothing"
        return InputError(store.name, fault, "only manifold-constrained ones run Sinkhorn")
    if any(name.endswith("static_alpha") for name in names):
        fault = "static_alpha without residual_scale and dynamic_alpha_fn beside it"
        return InputError(store.name, fault, "give --implementation mhc-lite if that wrote it")
    if implementation is not None:
        fault = f"no sites of {implementation} among {len(names)} tensors"
        return InputError(store.name, fault, _OTHER)
    return InputError(store.name, f"no known hyper-connections among {len(names)} tensors", _ASK)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            "--logits", f"no regular expression ({first_words(error)})", "correct the pattern"
        ) from error


def _shown(store: Store) -> str:
    names = [printable(name) for name in sorted(store.tensors)[:4]]
    return ", ".join(names) + (", …" if len(store.tensors) > 4 else "") if names else "nothing"
