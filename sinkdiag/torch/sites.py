"""Hyper-connections in a network: every place where it projects a matrix for each token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sinkdiag.errors import InputError
from sinkdiag.rendering.files import check_writable, write_with
from sinkdiag.torch.watch import Watch

# Called with a site's name, its logits and its matrices, both (tokens, n, n).
SiteCall = Callable[[str, torch.Tensor, torch.Tensor], None]


class Sites:
    """The sites of a model, watched and, where the implementation lets it, cooled.

    Known are ``ManifoldConstrainedHyperConnections`` of the package ``hyper-connections`` and
    ``DeepseekV4HyperConnection`` of ``transformers``, by their class names. The temperature divides
    the logits before the projection; only the first has a place where it can enter
    (``residual_mix_constraint_fn``, which is replaced until `remove`).

    Parameters
    ----------
    model:
        Any module that contains them.
    watch_every:
        Calls between two samples of each site's `Watch`.

    Attributes
    ----------
    model, names:
        The model, and the sites' dotted names in it, as in its state dict.
    watches:
        One by name; its plans are all tokens' matrices of a call, its costs minus the logits.

    Raises
    ------
    InputError
        When the model has no such module, or one that projects no single square matrix a token.
    """

    def __init__(self, model: torch.nn.Module, *, watch_every: int = 100) -> None:
        self.model = model
        self._eps = 1.0
        self._listeners: list[SiteCall] = []
        self._undo: list[Callable[[], object]] = []
        self.watches: dict[str, Watch] = {}
        self._fixed = False
        for name, module in model.named_modules():
            kind = type(module).__name__
            if kind == "ManifoldConstrainedHyperConnections":
                self._replace(name, module)
            elif kind == "DeepseekV4HyperConnection":
                self._fixed = True
                handle = module.register_forward_hook(self._hook(name))
                self._undo.append(handle.remove)
            else:
                continue
            self.watches[name] = Watch(every=watch_every)
        if not self.watches:
            raise InputError(
                type(model).__name__,
                "no hyper-connections that sinkdiag knows",
                "observe your layer by hand with sinkdiag.torch.Watch",
            )
        self.names = tuple(self.watches)

    @property
    def eps(self) -> float:
        """The temperature that divides the logits; 1 leaves them as they are."""
        return self._eps

    def set_eps(self, eps: float) -> None:
        """Set it, at every site.

        Raises
        ------
        InputError
            For an implementation that has no place for it.
        """
        if self._fixed and eps != 1.0:
            raise InputError(
                "eps", "DeepseekV4HyperConnection has no temperature", "watch it without one"
            )
        self._eps = float(eps)

    def listen(self, call: SiteCall) -> None:
        """Have ``call(name, logits, matrices)`` told of every projection, (tokens, n, n)."""
        self._listeners.append(call)

    def remove(self) -> None:
        """Leave the model as it was."""
        while self._undo:
            self._undo.pop()()

    def _replace(self, name: str, module: Any) -> None:
        if module.num_fracs > 1 or module.num_dynamic_alpha_proposals > 1:
            raise InputError(
                name,
                "fractions or several proposals: no single square matrix a token",
                "observe its projection by hand with sinkdiag.torch.Watch",
            )
        project = module.residual_mix_constraint_fn

        def projected(logits: torch.Tensor) -> torch.Tensor:
            matrices: torch.Tensor = project(logits / self._eps)
            self._told(name, logits, matrices)
            return matrices

        module.residual_mix_constraint_fn = projected
        self._undo.append(lambda: setattr(module, "residual_mix_constraint_fn", project))

    def _hook(self, name: str) -> Callable[[Any, Any, Any], None]:
        def seen(module: Any, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
            self._told(name, _deepseek_logits(module, inputs[0]), output[1])

        return seen

    def _told(self, name: str, logits: torch.Tensor, matrices: torch.Tensor) -> None:
        n = logits.shape[-1]
        flat_logits, flat = logits.reshape(-1, n, n), matrices.reshape(-1, n, n)
        self.watches[name].observe(-flat_logits, flat, self._eps)
        for call in self._listeners:
            call(name, flat_logits.detach(), flat.detach())


class LogitRecorder:
    """Keep the logits of randomly chosen tokens, the same ones at every site.

    Reservoir sampling: after any number of passes each token that was seen has the same chance to
    be kept. A pass counts when every site was reached exactly once with equally many tokens; other
    passes are dropped and counted. The file is what ``sinkdiag stack --activations`` reads: one
    array (tokens, n, n) a site, float32.

    Parameters
    ----------
    sites:
        Of the model; only passes through ``sites.model`` itself count.
    capacity:
        Tokens that are kept.
    seed:
        Of the choice.
    """

    def __init__(self, sites: Sites, *, capacity: int = 1000, seed: int = 0) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        self.capacity = capacity
        self.tokens_seen = 0
        self.dropped_passes = 0
        self._random = np.random.default_rng(seed)
        self._names = sites.names
        self._kept: dict[str, torch.Tensor] = {}
        self._open: dict[str, list[torch.Tensor]] | None = None
        sites.listen(self._site)
        self._handles = (
            sites.model.register_forward_pre_hook(self._begin),
            sites.model.register_forward_hook(self._end),
        )

    def save(self, path: str | Path) -> None:
        """Write what is kept, whole or not at all; waits for the device.

        Raises
        ------
        InputError
            When no token was recorded, or the file system refuses.
        """
        check_writable(str(path))
        if not self._kept:
            raise InputError(str(path), "no token was recorded", "run the model first")
        count = min(self.capacity, self.tokens_seen)
        arrays = {name: kept[:count].cpu().numpy() for name, kept in self._kept.items()}
        write_with(str(path), lambda stream: np.savez(stream, **arrays))

    def remove(self) -> None:
        """Stop recording; what is kept stays."""
        for handle in self._handles:
            handle.remove()

    def _begin(self, module: Any, inputs: Any) -> None:  # noqa: ARG002
        self._open = {name: [] for name in self._names}

    def _site(self, name: str, logits: torch.Tensor, matrices: torch.Tensor) -> None:  # noqa: ARG002
        # Recomputation (gradient checkpointing) happens outside a pass.
        if self._open is not None:
            self._open[name].append(logits)

    def _end(self, module: Any, inputs: Any, output: Any) -> None:  # noqa: ARG002
        passed, self._open = self._open, None
        if passed is None:
            return
        counts = {len(entry[0]) if len(entry) == 1 else -1 for entry in passed.values()}
        if len(counts) != 1 or counts == {-1}:
            self.dropped_passes += 1
            return
        slots = self._chosen(counts.pop())
        if not slots:
            return
        places, tokens = list(slots), list(slots.values())
        for name, (logits,) in passed.items():
            if name not in self._kept:
                n = logits.shape[-1]
                self._kept[name] = torch.zeros(self.capacity, n, n, device=logits.device)
            self._kept[name][places] = logits[tokens].float()

    def _chosen(self, count: int) -> dict[int, int]:
        """Which slot takes which token of a pass; a later token may take it over."""
        numbers = np.arange(self.tokens_seen, self.tokens_seen + count)
        drawn = self._random.integers(0, numbers + 1)
        slots = np.where(numbers < self.capacity, numbers, drawn)
        self.tokens_seen += count
        return {int(slot): at for at, slot in enumerate(slots) if slot < self.capacity}


def _deepseek_logits(module: Any, streams: torch.Tensor) -> torch.Tensor:
    """(fn·rms(x))[2n:]·scale[2] + base[2n:], as the module computes them."""
    n = module.hc_mult
    with torch.no_grad():
        normed = module.input_norm(streams.flatten(-2).float())
        logits = torch.nn.functional.linear(normed, module.fn[2 * n :].float())
        return (logits * module.scale[2] + module.base[2 * n :]).unflatten(-1, (n, n))
