"""sinkdiag in a training loop: watch a layer, record its costs, cool it by what it bears.

Needs the extra ``torch``; nothing else of sinkdiag imports it.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError("sinkdiag.torch needs torch: pip install 'sinkdiag[torch]'") from error

from sinkdiag.torch.cooling import TensorCooling
from sinkdiag.torch.implicit import sinkhorn
from sinkdiag.torch.loop import CoolingLoop
from sinkdiag.torch.probe import Probe
from sinkdiag.torch.recorder import CostRecorder
from sinkdiag.torch.sites import LogitRecorder, Sites
from sinkdiag.torch.watch import Watch, WatchedStep

__all__ = [
    "CoolingLoop",
    "CostRecorder",
    "LogitRecorder",
    "Probe",
    "Sites",
    "TensorCooling",
    "Watch",
    "WatchedStep",
    "sinkhorn",
]
