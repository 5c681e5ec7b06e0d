"""Checks of arguments given in Python; the command line's types refuse the same earlier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

from sinkdiag.errors import InputError

# No layer runs more sweeps; a calibration at this many takes 47 s on a 60×60 matrix.
MOST_ITERS = 100_000
# Nor does anybody anneal for longer.
MOST_STEPS = 1_000_000
# Each replicate is a study of its own.
MOST_REPLICATES = 10_000


def check_count(name: str, value: int, least: int, most: int | None = None) -> None:
    """A whole number from ``least`` to ``most``, or an `InputError` that names the argument."""
    if not _whole(value) or value < least or (most is not None and value > most):
        bounds = f"from {least} up" if most is None else f"from {least} to {most}"
        raise InputError(name, f"{value!r} is not a count", f"give a whole number {bounds}")


def check_share(name: str, value: float, *, zero: bool = False) -> None:
    """A number between 0 and 1, 1 excluded, and 0 too unless ``zero``."""
    if not (_finite(value) and (0.0 < value < 1.0 or (zero and value == 0.0))):
        bounds = "from 0, below 1" if zero else "above 0 and below 1"
        raise InputError(name, f"{value!r} is out of range", f"give a number {bounds}")


def check_size(name: str, value: float, *, zero: bool = False) -> None:
    """A finite number above 0, or from 0 with ``zero``."""
    if not (_finite(value) and (value > 0.0 or (zero and value == 0.0))):
        bounds = "of 0 or more" if zero else "above 0"
        raise InputError(name, f"{value!r} is out of range", f"give a finite number {bounds}")


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _finite(value: object) -> bool:
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """One of the words that the argument knows."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(name, f"{value!r} is not known", f"give one of {', '.join(choices)}")
