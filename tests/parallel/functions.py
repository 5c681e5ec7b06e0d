"""What the workers of the tests are asked to do, where they can import it."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def square(unit, progress):
    del progress
    return unit * unit


def threads(unit, progress):
    """The thread variables of the worker, and its process."""
    del unit, progress
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    return [os.environ.get(name) for name in names]


def die_once(marker, unit, progress):
    """The worker of unit 3 is killed, the first time."""
    del progress
    if unit == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return unit


def die_always(unit, progress):
    del progress
    if unit == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return unit
