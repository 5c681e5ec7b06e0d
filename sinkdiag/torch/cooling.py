"""The controller on tensors: measured where they lie, read one step late, one for all ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.readings import check_same_shape
from sinkdiag.errors import InputError
from sinkdiag.torch.signals import drift, tracking


class TensorCooling:
    """An `AdaptiveCooling` for tensors: with gradients, of any floating type, on any device.

    ``step(plan)`` measures on the plan's own device. ``late`` it acts on the reading of the step
    before, which has arrived by then, so that an accelerator is never waited for; ``eps`` is then
    one step older. Under `torch.distributed` the readings of all ranks are reduced as the batch
    is, and every rank cools alike.

    Parameters
    ----------
    controller:
        What decides, and where the history is.
    late:
        Act on the reading of the step before; default on every device but the processor.
    group:
        The process group to reduce over; default the whole world, if there is one.

    Raises
    ------
    InputError
        For plans of changing shape (feed one fixed probe batch: `sinkdiag.torch.Probe`), or with
        entries that are not finite (told when they are read: late, one step later).
    """

    def __init__(
        self, controller: AdaptiveCooling, *, late: bool | None = None, group: object = None
    ) -> None:
        self.controller = controller
        self.late = late
        self.group = group
        self._previous: torch.Tensor | None = None
        self._shape: tuple[int, ...] = ()
        self._waiting: _Waiting | None = None

    @property
    def eps(self) -> float:
        """The temperature at which the layer is to run next, cost units."""
        return self.controller.eps

    @property
    def done(self) -> bool:
        """Whether eps_min has been reached."""
        return self.controller.done

    def step(
        self,
        plan: torch.Tensor,
        *,
        row: torch.Tensor | None = None,
        col: torch.Tensor | None = None,
    ) -> float:
        """Take the plan (n, m) or plans (…, n, m) made at ``eps``; return the next temperature.

        ``row`` (n,) and ``col`` (m,), default 1 and n/m, are for the tracking error.
        """
        if plan.ndim < 2 or plan.numel() == 0:
            shape = tuple(plan.shape)
            raise InputError("plan", f"the shape is {shape}", "give (n, m) or (B, n, m)")
        late = plan.device.type != "cpu" if self.late is None else self.late
        measured = self._measured(plan, row, col)
        if not late:
            return self._take(_numbers(measured), None)
        arrived, self._waiting = self._waiting, _sent(measured, self.eps)
        return self.eps if arrived is None else self._take(arrived.read(), arrived.eps)

    def state_dict(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries of them; waits for what is under way."""
        previous, waiting = self._previous, self._waiting
        return {
            "controller": self.controller.state_dict(),
            "previous": None if previous is None else previous.double().tolist(),
            "dtype": None if previous is None else str(previous.dtype).removeprefix("torch."),
            "waiting": None if waiting is None else [*waiting.read(), waiting.eps],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; plans go to the device of the next one."""
        missing = self.state_dict().keys() - state.keys()
        if missing:
            fault = f"it lacks {', '.join(sorted(missing))}"
            raise InputError("state", fault, "give what state_dict returned")
        self.controller.load_state_dict(state["controller"])
        self._previous = None
        if state["previous"] is not None:
            dtype = getattr(torch, state["dtype"])
            self._previous = torch.tensor(state["previous"], dtype=torch.float64).to(dtype)
        self._waiting = None
        if state["waiting"] is not None:
            *measured, eps = state["waiting"]
            values = torch.tensor(measured, dtype=torch.float64)
            self._waiting = _Waiting(values=values, eps=float(eps))

    def _measured(
        self, plan: torch.Tensor, row: torch.Tensor | None, col: torch.Tensor | None
    ) -> torch.Tensor:
        """Drift, and with that signal tracking error and reading, reduced over matrices, ranks."""
        current, previous = plan.detach(), self._previous
        if previous is None:
            finite = torch.isfinite(current).all()
            moved = torch.where(finite, math.nan, math.inf).to(current.device)
        else:
            if previous.shape != current.shape:
                check_same_shape(tuple(previous.shape), tuple(current.shape))
            if previous.device != current.device:
                previous = previous.to(current.device)
            moved = self._reduced(drift(current, previous))
        # Copied: a layer may overwrite its output in place.
        self._previous = current.clone() if previous is None else previous.copy_(current)
        if self.controller.signal == "drift":
            return moved
        _, error, reading = tracking(current, row, col)
        return _joined(moved, self._reduced(error), self._reduced(reading))

    def _reduced(self, values: torch.Tensor) -> torch.Tensor:
        largest = self.controller.reduce == "max"
        if values.ndim > 0:
            values = values.amax() if largest else values.mean()
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return values
        # Not every backend keeps nan in a maximum.
        found = torch.nan_to_num(values, nan=math.inf)
        operation = torch.distributed.ReduceOp.MAX if largest else torch.distributed.ReduceOp.SUM
        torch.distributed.all_reduce(found, op=operation, group=self.group)
        return found if largest else found / torch.distributed.get_world_size(self.group)

    def _take(self, measured: list[float], eps: float | None) -> float:
        if len(measured) == 1:
            return self.controller.take(measured[0], eps=eps)
        moved, error, reading = measured
        return self.controller.take(moved, tracking_error=error, reading=reading, eps=eps)


def _numbers(values: torch.Tensor) -> list[float]:
    found = values.tolist()
    return found if isinstance(found, list) else [found]


def _joined(*values: torch.Tensor) -> torch.Tensor:
    wide = torch.float32 if values[0].device.type == "mps" else torch.float64
    return torch.stack([value.to(wide) for value in values])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    """A measurement on its way to the host, and the temperature of its plan."""

    values: torch.Tensor
    eps: float
    arrived: Any = None

    def read(self) -> list[float]:
        """Its numbers; begun a step ago, it has long arrived."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return _numbers(self.values)


def _sent(measured: torch.Tensor, eps: float) -> _Waiting:
    """Reading a device's tensor later would wait for all work begun since: it is sent now."""
    if measured.device.type != "cuda":
        return _Waiting(values=measured, eps=eps)
    host = torch.empty(measured.shape, dtype=measured.dtype, pin_memory=True)
    host.copy_(measured, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return _Waiting(values=host, eps=eps, arrived=arrived)
