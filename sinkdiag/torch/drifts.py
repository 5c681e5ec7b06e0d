"""The drift of every call of a layer, taken for several calls at once."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

import torch

from sinkdiag.torch.signals import drift, drifts

# Plans of at most so many entries wait for their drift, and so many of them: there a call of torch
# costs more to begin than to carry out.
SMALL, MOST = 2**13, 32


class Drifts:
    """Drifts between consecutive plans, the largest of each call's matrices.

    Plans of at most `SMALL` entries wait, without their graphs and without a copy, until there are
    `MOST` of them or until the drifts are read. A plan that was written over meanwhile shows
    nan, and from then on each is copied.

    Parameters
    ----------
    keep:
        Calls that are remembered, at least the last ones.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._calls = 0
        self._room = 1
        self._copies = False
        self._work: torch.Tensor | None = None
        # The plan whose drift is known, and those after it, with the versions of their memory.
        self._plans: list[torch.Tensor] = []
        self._versions: list[int] = []
        self._blocks: deque[tuple[int, torch.Tensor]] = deque()

    def add(self, plan: torch.Tensor) -> None:
        """The next call's plan (…, n, m); a change of shape begins anew."""
        plan = plan.detach()
        if not self._plans or self._plans[-1].shape != plan.shape:
            self._take()
            self._plans, self._versions = [], []
            self._room = MOST if plan.numel() <= SMALL else 1
            self._work = None
        if self._copies or plan.is_inference():  # where nothing counts what is written
            plan = plan.clone()
        self._plans.append(plan)
        self._versions.append(_version(plan))
        self._calls += 1
        if len(self._plans) > self._room:
            self._take()

    def blocks(self) -> list[tuple[int, torch.Tensor]]:
        """The call that a block begins with, and the drifts (T,) of that and the following ones."""
        self._take()
        return list(self._blocks)

    def _take(self) -> None:
        """Take the drifts of all that wait."""
        if len(self._plans) < 2:
            return
        if len(self._plans) == 2:
            found = drift(self._plans[1], self._plans[0]).unsqueeze(0)
        else:
            found = drifts(self._plans, self._scratch())
        if found.ndim > 1:
            found = found.flatten(1).amax(dim=1)
        changed = [
            _version(plan) != version
            for plan, version in zip(self._plans, self._versions, strict=True)
        ]
        if any(changed):
            self._copies = True
            pairs = [one or other for one, other in pairwise(changed)]
            found = found.masked_fill(torch.tensor(pairs, device=found.device), math.nan)
        self._blocks.append((self._calls - len(self._plans) + 1, found))
        del self._plans[:-1], self._versions[:-1]
        while self._blocks[0][0] + len(self._blocks[0][1]) <= self._calls - self._keep:
            self._blocks.popleft()

    def _scratch(self) -> torch.Tensor | None:
        """Room for `drifts`, made once for a shape; halves are summed in single precision."""
        like = self._plans[0]
        if self._work is None and like.dtype in (torch.float32, torch.float64):
            with torch.inference_mode(mode=False):
                shape = (2, self._room + 1, *like.shape)
                self._work = torch.empty(shape, dtype=like.dtype, device=like.device)
        return self._work


def _version(plan: torch.Tensor) -> int:
    """How often its memory has been written."""
    return 0 if plan.is_inference() else plan._version
