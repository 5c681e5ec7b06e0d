"""A layer watched while it trains."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from sinkdiag.torch.signals import (
    drift,
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
        ‖P_t - P_{t-1}‖_F, mass, and that over eps; nan where the shape changed and at first.
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
class _Seen:
    """One call, its numbers still on the device."""

    step: int
    eps: float | torch.Tensor
    values: dict[str, torch.Tensor] = field(default_factory=dict)


class Watch:
    """Watch one layer: by hand with `observe`, or by `wrap` of the function that it is.

    Nothing waits for the device until a value is read (`latest`, `history`). The drift is taken at
    every call, one difference and one norm; the other signals at every ``every``-th, since each of
    them costs as much as a sweep.

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
        self._previous: torch.Tensor | None = None
        self._seen: deque[_Seen] = deque(maxlen=keep)
        self._calls = 0

    def observe(
        self, cost: torch.Tensor | None, plan: torch.Tensor, eps: float | torch.Tensor = 1.0
    ) -> None:
        """Take one call's cost (…, n, m), plan (…, n, m) and temperature, cost units.

        Scores are costs with the other sign: ``observe(-scores, plan)`` for a layer that takes
        logits. Without a cost its two signals stay nan.
        """
        seen = _Seen(step=self._calls, eps=eps)
        current, previous = plan.detach(), self._previous
        if previous is not None and previous.shape == current.shape:
            seen.values["drift"] = drift(current, previous)
        if self._calls % self.every == 0:
            self._sample(seen, cost, plan)
        # No copy: a layer that writes its next plan into the same memory shows no drift.
        self._previous = current
        self._calls += 1
        self._seen.append(seen)

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
        for seen in reversed(self._seen):
            if "entropy" in seen.values:
                return _read([seen])[0]
        raise LookupError("nothing has been observed yet")

    @property
    def steps(self) -> tuple[WatchedStep, ...]:
        """Every call that is remembered, in order; waits for the device."""
        return tuple(_read(list(self._seen)))

    @property
    def history(self) -> pd.DataFrame:
        """The same, one row a call."""
        import pandas as pd

        names = [entry.name for entry in fields(WatchedStep)]
        return pd.DataFrame(
            [[getattr(step, name) for name in names] for step in self.steps], columns=names
        )

    def _sample(self, seen: _Seen, cost: torch.Tensor | None, plan: torch.Tensor) -> None:
        with torch.no_grad():
            rho, error, _ = tracking(plan, self.row, self.col)
            seen.values.update(
                entropy=entropy(plan, self.row),
                rho=rho,
                tracking_error=error,
                hard_share=hard_share(plan, self.row),
            )
            if cost is not None:
                seen.values["logit_range"] = logit_range(cost, seen.eps)
        for name, tensor in (("gradient_plan", plan), ("gradient_cost", cost)):
            if tensor is not None and tensor.requires_grad:
                tensor.register_hook(partial(_note, seen, name))


def _note(seen: _Seen, name: str, gradient: torch.Tensor) -> None:
    seen.values[name] = gradient_norm(gradient)


def _read(seen: list[_Seen]) -> list[WatchedStep]:
    """Every number in one transfer."""
    places, waiting = [], []
    for at, entry in enumerate(seen):
        values = dict(entry.values)
        if isinstance(entry.eps, torch.Tensor):
            values["eps"] = entry.eps.detach()
        for name, value in values.items():
            places.append((at, name))
            waiting.append(_one(name, value).float())
    numbers = torch.stack(waiting).tolist() if waiting else []
    found: list[dict[str, float]] = [
        {} if isinstance(entry.eps, torch.Tensor) else {"eps": float(entry.eps)} for entry in seen
    ]
    for (at, name), number in zip(places, numbers, strict=True):
        found[at][name] = number
    for values in found:
        if "drift" in values:
            values["drift_ratio"] = values["drift"] / values["eps"]
    return [
        WatchedStep(step=entry.step, **values) for entry, values in zip(seen, found, strict=True)
    ]


def _one(name: str, value: torch.Tensor) -> torch.Tensor:
    """One number of many matrices."""
    return value.amin() if name == "entropy" else value.amax()
