"""Costs of one fixed probe recorded for ``sinkdiag calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import member_bytes, open_archive, real_npy
from sinkdiag.load.source import bytes_of
from sinkdiag.rendering.files import check_writable, write_with

# A calibration needs runs of four consecutive steps.
LEAST_BLOCK = 4


class CostRecorder:
    """Record the cost that a layer met, its temperature and its step, in blocks of steps.

    A calibration reads the learner's rate and noise off costs of one instance at consecutive steps
    (`Probe` holds one), and the moment of lock-in off its whole course. So blocks of ``block``
    consecutive steps are kept, one every ``every`` steps; when ``most`` costs are held, every other
    block goes and ``every`` doubles: whatever the length of the run, it is covered, in bounded
    memory. The file is ``.npz`` with ``cost`` (T, n, m), ``eps`` (T,), ``step`` (T,) and, if given,
    ``truth``; it is written whole or not at all.

    Parameters
    ----------
    path:
        Of the file; ``.npz``.
    truth:
        The true column of each row, -1 unknown, or a plan (n, m).
    block, every, most:
        As above: at least 4, at least ``block``, at least 2·block.
    index:
        Which matrix of a batch is recorded: one, for another is another instance.
    resume:
        Go on with the file if it is there.

    Raises
    ------
    InputError
        When the file cannot be written, or resumed.
    ValueError
        For blocks that are out of range.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        truth: ArrayLike | None = None,
        block: int = 32,
        every: int = 32,
        most: int = 1024,
        index: int = 0,
        resume: bool = False,
    ) -> None:
        if not LEAST_BLOCK <= block <= every or most < 2 * block:
            raise ValueError(
                f"need 4 <= block <= every and most >= 2·block, not {block}, {every}, {most}"
            )
        self.path = str(path)
        self.truth = None if truth is None else np.asarray(truth)
        self.block, self.every, self.most, self.index = block, every, most, index
        self._costs: list[torch.Tensor | FloatArray] = []
        self._eps: list[float | torch.Tensor] = []
        self._steps: list[int] = []
        self._resumed = False
        check_writable(self.path)
        if resume and Path(self.path).exists():
            self._resume()

    def record(self, cost: torch.Tensor, eps: float | torch.Tensor, step: int) -> None:
        """Take the cost (n, m), or (B, n, m), that the layer met at training step ``step``.

        Raises
        ------
        ValueError
            When steps go back, or the shape changes: feed one fixed probe batch.
        """
        if step % self.every >= self.block:
            return
        if self._resumed:
            # A training goes on from its last checkpoint, and the record may be ahead of that.
            self._keep([at for at, known in enumerate(self._steps) if known < step])
            self._resumed = False
        if self._steps and step <= self._steps[-1]:
            raise ValueError(f"step {step} follows step {self._steps[-1]}; record one run")
        matrix = cost.detach() if cost.ndim == 2 else cost.detach()[self.index]
        if self._costs and tuple(matrix.shape) != tuple(self._costs[0].shape):
            raise ValueError(
                f"the cost's shape went from {tuple(self._costs[0].shape)} to "
                f"{tuple(matrix.shape)}; feed one fixed probe batch (sinkdiag.torch.Probe)"
            )
        self._costs.append(matrix.clone())
        self._eps.append(eps.detach().clone() if isinstance(eps, torch.Tensor) else float(eps))
        self._steps.append(int(step))
        if step % self.every == self.block - 1:
            self._settle()
        while len(self._steps) >= self.most:
            self._thin()

    def save(self) -> None:
        """Write the file; waits for the device.

        Raises
        ------
        InputError
            When nothing was recorded, or the file system refuses.
        """
        if not self._steps:
            raise InputError(self.path, "nothing was recorded", "call record() in the loop")
        self._settle()
        arrays: dict[str, Any] = {
            "cost": np.stack(self._costs),
            "eps": np.array(self._eps, dtype=np.float64),
            "step": np.array(self._steps, dtype=np.int64),
        }
        if self.truth is not None:
            arrays["truth"] = self.truth
        write_with(self.path, lambda stream: np.savez(stream, **arrays))

    def _settle(self) -> None:
        """Bring the block that ended to the host: once a block, not once a step."""
        self._costs = [
            cost.to("cpu", torch.float64).numpy() if isinstance(cost, torch.Tensor) else cost
            for cost in self._costs
        ]
        self._eps = [float(eps) for eps in self._eps]

    def _thin(self) -> None:
        self.every *= 2
        self._keep([at for at, step in enumerate(self._steps) if step % self.every < self.block])

    def _keep(self, kept: list[int]) -> None:
        self._costs = [self._costs[at] for at in kept]
        self._eps = [self._eps[at] for at in kept]
        self._steps = [self._steps[at] for at in kept]

    def _resume(self) -> None:
        with open_archive(bytes_of(self.path, "record"), self.path) as archive:
            if not {"cost.npy", "eps.npy", "step.npy"} <= set(archive.namelist()):
                raise InputError(self.path, "no record to go on with", "choose another path")
            cost, eps, step = (
                real_npy(member_bytes(archive, f"{name}.npy", self.path), self.path)
                for name in ("cost", "eps", "step")
            )
        if cost.ndim != 3 or not len(cost) == len(eps) == len(step):
            raise InputError(self.path, "no record to go on with", "choose another path")
        self._costs, self._eps = list(cost), [float(value) for value in eps]
        self._steps = [int(value) for value in step]
        self._resumed = True
        if any(number % self.every >= self.block for number in self._steps):
            raise InputError(
                self.path, "its blocks are others", "give block and every as they were"
            )
        # How often blocks were thinned out, the steps say.
        starts = sorted({number // self.every for number in self._steps})
        while len(starts) > 2 and all(start % 2 == 0 for start in starts):
            self.every *= 2
            starts = [start // 2 for start in starts]
