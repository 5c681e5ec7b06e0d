"""One fixed batch, seen again at every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class Probe:
    """A function on inputs that stay: what changes between two calls is the network.

    The drift between the plans of different mini-batches never falls below what the batches differ
    by, whatever the temperature, and a controller fed with it stands for ever. ``probe(*more)``
    returns ``function(*inputs, *more)`` without gradients, with ``module`` in evaluation mode
    meanwhile (dropout would be drift, too) and as it was afterwards. A forward pass of the probe
    batch is its price: choose it small.

    Parameters
    ----------
    function:
        From the inputs, and what is given at the call (the temperature, say), to what is wanted.
    inputs:
        Copied, tensors without their gradients.
    module:
        Set to evaluation mode during the call; default none.
    """

    def __init__(
        self, function: Callable[..., Any], *inputs: Any, module: torch.nn.Module | None = None
    ) -> None:
        self.function = function
        self.module = module
        self.inputs = tuple(
            entry.detach().clone() if isinstance(entry, torch.Tensor) else entry for entry in inputs
        )

    def __call__(self, *more: Any) -> Any:
        """The function's value on the held inputs."""
        modules = [] if self.module is None else list(self.module.modules())
        training = [entry.training for entry in modules]
        try:
            for entry in modules:
                entry.training = False
            with torch.no_grad():
                return self.function(*self.inputs, *more)
        finally:
            for entry, mode in zip(modules, training, strict=True):
                entry.training = mode
