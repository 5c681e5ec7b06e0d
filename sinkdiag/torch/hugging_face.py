"""The controller as a callback of the Hugging Face Trainer."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from sinkdiag.torch.loop import CoolingLoop


class CoolingCallback(TrainerCallback, ExportableState):
    """`CoolingLoop` after every optimiser step; its state goes into ``trainer_state.json``.

    ``trainer.train(resume_from_checkpoint=…)`` goes on with it by itself. Leave
    ``restore_callback_states_from_checkpoint`` off: that makes callbacks anew from numbers alone,
    and this one holds your functions.
    """

    def __init__(self, loop: CoolingLoop) -> None:
        self.loop = loop

    def state(self) -> dict[str, Any]:
        """What the Trainer writes."""
        return {"args": {}, "attributes": {"cooling": self.loop.state_dict()}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """The network gets its temperature, that of the checkpoint if there is one."""
        stored = state.stateful_callbacks.get(type(self).__name__)
        if state.global_step > 0 and stored is not None:
            found = stored[-1] if isinstance(stored, list) else stored
            self.loop.load_state_dict(found["attributes"]["cooling"])
        self.loop.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """One step of the optimiser was made."""
        self.loop.after_step(state.global_step - 1)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """The record is written, once for all ranks."""
        if state.is_world_process_zero:
            self.loop.end()
