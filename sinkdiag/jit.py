"""The one switch for numba: every kernel is compiled with the same flags and cached on disk."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# Measured on a 2-core machine: compile time over the number of kernels of one command.
SECONDS_PER_KERNEL = 0.8

_kernels: list[Any] = []


def njit(function: Kernel) -> Kernel:
    """Compile a serial kernel: cached, without the GIL, never ``fastmath``."""
    return _register(function, parallel=False)


def njit_parallel(function: Kernel) -> Kernel:
    """Compile a kernel whose ``prange`` loops run on all threads; otherwise as `njit`."""
    return _register(function, parallel=True)


def _register(function: Kernel, *, parallel: bool) -> Kernel:
    dispatcher = numba.njit(
        function, cache=True, nogil=True, error_model="numpy", parallel=parallel
    )
    _kernels.append(dispatcher)
    return cast(Kernel, dispatcher)


def expected_seconds() -> int:
    """About how long the kernels imported so far will take to compile; 0 when all are on disk."""
    cold = sum(not _is_cached(kernel) for kernel in _kernels)
    return math.ceil(cold * SECONDS_PER_KERNEL)


def _is_cached(kernel: Any) -> bool:
    folder = kernel.stats.cache_path
    module = kernel.py_func.__module__.rpartition(".")[2]
    name = f"{module}.{kernel.py_func.__qualname__}-"
    return any(Path(folder).glob(f"{name}*.nbi"))
