"""A layer watched while it trains."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from sinkdiag.torch.drifts import Drifts
from sinkdiag.torch.signals import (
    entropy,
    gradient_norm,
    hard_share,
    logit_range,
    tracking,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class WatchedStep:
    """What was seen of one call of the layer; of several matrices the largest, entropy the least.

    Attributes
    ----------
    step:
        Calls before this one.
    eps:
        Temperature, cost units.
    drift, drift_ratio:
        ‖P_t - P_{t-1}‖_F, mass, and that over eps; nan at first, where the shape changed, and where
        a plan was written over before its drift was taken (later ones are copied then).
    entropy:
        -Σ P log(P/r_i)/(N log m), in [0, 1]. This and all below: nan between sampled steps.
    rho, tracking_error:
        Contraction of a sweep, and the estimated total variation between plan and fixed point
        (`sinkdiag.online_gap_of_plan`); nan where rounding hides them.
    hard_share:
        Share of rows with at least 0.9 of their mass in one place.
    logit_range:
        (max C - min C)/eps.
    gradient_plan, gradient_cost:
        Frobenius norms of what comes into the layer on the way back and of what leaves it; nan
        where nothing was differentiated.
    """

    step: int
    eps: float
    drift: float = math.nan
    drift_ratio: float = math.nan
    entropy: float = math.nan
    rho: float = math.nan
    tracking_error: float = math.nan
    hard_share: float = math.nan
    logit_range: float = math.nan
    gradient_plan: float = math.nan
    gradient_cost: float = math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    """All signals of one call but the drift, still on the device."""

    step: int
    values: dict[str, torch.Tensor] = field(default_factory=dict)


class Watch:
    """Watch one layer: by hand with `observe`, or by `wrap` of the function that it is.

    Nothing waits for the device until a value is read (`latest`, `history`). The drift is that of
    every call, small plans being held until 32 of them have come; the other signals are taken at
    every ``every``-th, since each of them costs as much as a sweep.

    Parameters
    ----------
    every:
        Calls between two samples of all signals, at least 1.
    keep:
        Calls that are remembered, the last ones.
    row, col:
        Marginals (n,), (m,) that the layer aims at, default 1 and n/m.
    """

    def __init__(
        self,
        *,
        every: int = 100,
        keep: int = 10_000,
        row: torch.Tensor | None = None,
        col: torch.Tensor | None = None,
    ) -> None:
        if every < 1 or keep < 1:
            raise ValueError(f"every and keep must be at least 1, not {every} and {keep}")
        self.every = every
        self.row, self.col = row, col
        self._calls = 0
        self._temperatures: deque[float | torch.Tensor] = deque(maxlen=keep)
        self._samples: deque[_Sample] = deque()
        self._drifts = Drifts(keep)

    def observe(
        self, cost: torch.Tensor | None, plan: torch.Tensor, eps: float | torch.Tensor = 1.0
    ) -> None:
        """Take one call's cost (…, n, m), plan (…, n, m) and temperature, cost units.

        Scores are costs with the other sign: ``observe(-scores, plan)`` for a layer that takes
        logits. Without a cost its two signals stay nan.
        """
        self._drifts.add(plan)
        self._temperatures.append(eps)
        if self._calls % self.every == 0:
            self._sample(cost, plan, eps)
        self._calls += 1

    def wrap(
        self, layer: Callable[..., torch.Tensor], *, eps: float | None = None
    ) -> Callable[..., torch.Tensor]:
        """The same function ``layer(cost, eps, …) -> plan``, watched.

        Give ``eps`` for a ``layer(cost, …)`` whose temperature is no argument of its own.
        """

        def watched(cost: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
            plan = layer(cost, *arguments, **options)
            given = options.get("eps", arguments[0] if arguments else None)
            self.observe(cost, plan, given if eps is None else eps)
            return plan

        return watched

    @property
    def latest(self) -> WatchedStep:
        """The last sampled call; waits for the device.

        Raises
        ------
        LookupError
            Before the first call.
        """
        if not self._samples or self._samples[-1].step < self._first:
            raise LookupError("nothing has been observed yet")
        return self._read(self._samples[-1].step, self._samples[-1].step + 1)[0]

    @property
    def steps(self) -> tuple[WatchedStep, ...]:
        """Every call that is remembered, in order; waits for the device."""
        return tuple(self._read(self._first, self._calls))

    @property
    def history(self) -> pd.DataFrame:
        """The same, one row a call."""
        import pandas as pd

        names = [entry.name for entry in fields(WatchedStep)]
        return pd.DataFrame(
            [[getattr(step, name) for name in names] for step in self.steps], columns=names
        )

    @property
    def _first(self) -> int:
        """The first call that is remembered."""
        return self._calls - len(self._temperatures)

    def _sample(
        self, cost: torch.Tensor | None, plan: torch.Tensor, eps: float | torch.Tensor
    ) -> None:
        sample = _Sample(step=self._calls)
        with torch.no_grad():
            rho, error, _ = tracking(plan, self.row, self.col)
            sample.values.update(
                entropy=entropy(plan, self.row),
                rho=rho,
                tracking_error=error,
                hard_share=hard_share(plan, self.row),
            )
            if cost is not None:
                sample.values["logit_range"] = logit_range(cost, eps)
        for name, tensor in (("gradient_plan", plan), ("gradient_cost", cost)):
            if tensor is not None and tensor.requires_grad:
                tensor.register_hook(partial(_note, sample, name))
        self._samples.append(sample)
        while self._samples[0].step < self._first:
            self._samples.popleft()

    def _read(self, first: int, end: int) -> list[WatchedStep]:
        """Calls first to end, every number in one transfer."""
        places: list[tuple[int, str]] = []
        waiting: list[torch.Tensor] = []
        found: dict[int, dict[str, float]] = {step: {} for step in range(first, end)}
        for start, values in self._drifts.blocks():
            places += [(start + at, "drift") for at in range(len(values))]
            waiting.append(values)
        for sample in self._samples:
            places += [(sample.step, name) for name in sample.values]
            waiting += [_one(name, value) for name, value in sample.values.items()]
        for step, eps in enumerate(self._temperatures, self._first):
            if isinstance(eps, torch.Tensor):
                places.append((step, "eps"))
                waiting.append(eps.detach())
            elif step in found:
                found[step]["eps"] = float(eps)
        numbers = torch.cat([value.float().reshape(-1) for value in waiting]).tolist()
        for (step, name), number in zip(places, numbers, strict=True):
            if step in found:
                found[step][name] = number
        for values in found.values():
            if "drift" in values:
                values["drift_ratio"] = values["drift"] / values["eps"]
        return [WatchedStep(step=step, **values) for step, values in found.items()]


def _note(sample: _Sample, name: str, gradient: torch.Tensor) -> None:
    sample.values[name] = gradient_norm(gradient)


def _one(name: str, value: torch.Tensor) -> torch.Tensor:
    """One number of many matrices."""
    return value.amin() if name == "entropy" else value.amax()
