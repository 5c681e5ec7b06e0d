"""The controller as a callback of Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning

from sinkdiag.torch.loop import CoolingLoop


class CoolingCallback(lightning.Callback):
    """`CoolingLoop` after every optimiser step; its state goes into Lightning's checkpoints.

    Logs ``sinkdiag_eps``, the temperature of the next step, cost units.
    """

    def __init__(self, loop: CoolingLoop) -> None:
        super().__init__()
        self.loop = loop
        self._seen = 0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """The network gets its temperature."""
        self._seen = trainer.global_step
        self.loop.begin()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:  # noqa: ARG002
        """Gradients may be accumulated over batches: only what the optimiser did counts."""
        if trainer.global_step == self._seen:
            return
        self._seen = trainer.global_step
        pl_module.log("sinkdiag_eps", self.loop.after_step(trainer.global_step - 1))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """The record is written, once for all ranks."""
        if trainer.is_global_zero:
            self.loop.end()

    def state_dict(self) -> dict[str, Any]:
        """That of the controller."""
        return self.loop.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.loop.load_state_dict(state_dict)
