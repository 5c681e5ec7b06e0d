"""One step of control, whatever loop it happens in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.torch.cooling import TensorCooling
from sinkdiag.torch.recorder import CostRecorder
from sinkdiag.torch.watch import Watch


class CoolingLoop:
    """Probe the layer after a training step, let the controller decide, set the temperature.

    ``sinkdiag.torch.hugging_face.CoolingCallback`` and ``sinkdiag.torch.lightning.CoolingCallback``
    call ``begin``, ``after_step`` and ``end`` at their trainers' moments; a loop of your own does
    the same.

    Parameters
    ----------
    cooling:
        The controller; an `AdaptiveCooling` is wrapped.
    probe:
        ``probe(eps) -> (cost, plan)`` of the layer on one fixed batch (`Probe`), (n, m) or
        (B, n, m); the cost may be None where nothing is recorded or watched.
    set_eps:
        Puts a temperature into the network.
    watch, recorder:
        Shown every probe.
    """

    def __init__(
        self,
        cooling: TensorCooling | AdaptiveCooling,
        probe: Callable[[float], tuple[torch.Tensor | None, torch.Tensor]],
        set_eps: Callable[[float], object],
        *,
        watch: Watch | None = None,
        recorder: CostRecorder | None = None,
    ) -> None:
        wrapped = TensorCooling(cooling) if isinstance(cooling, AdaptiveCooling) else cooling
        self.cooling = wrapped
        self.probe, self.set_eps = probe, set_eps
        self.watch, self.recorder = watch, recorder

    def begin(self) -> None:
        """Before the first pass, and after a resumption: the network gets its temperature."""
        self.set_eps(self.cooling.eps)

    def after_step(self, step: int) -> float:
        """After training step ``step``; returns the temperature of the next."""
        eps = self.cooling.eps
        cost, plan = self.probe(eps)
        if self.watch is not None:
            self.watch.observe(cost, plan, eps)
        if self.recorder is not None and cost is not None:
            self.recorder.record(cost, eps, step)
        following = self.cooling.step(plan)
        self.set_eps(following)
        return following

    def end(self) -> None:
        """The record is written."""
        if self.recorder is not None:
            self.recorder.save()

    def state_dict(self) -> dict[str, Any]:
        """That of the controller."""
        return self.cooling.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; the network gets its temperature."""
        self.cooling.load_state_dict(state)
        self.begin()
