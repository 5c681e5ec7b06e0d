"""The one switch for numba: every kernel is compiled with the same flags and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def njit(function: Kernel) -> Kernel:
    """Compile a serial kernel: cached, without the GIL, never ``fastmath``."""
    return _compile(function, parallel=False)


def njit_parallel(function: Kernel) -> Kernel:
    """Compile a kernel whose ``prange`` loops run on all threads; otherwise as `njit`."""
    return _compile(function, parallel=True)


def _compile(function: Kernel, *, parallel: bool) -> Kernel:
    dispatcher = numba.njit(
        function, cache=True, nogil=True, error_model="numpy", parallel=parallel
    )
    return cast(Kernel, dispatcher)


def is_cached(kernel: Callable[..., Any]) -> bool:
    """Whether compiled code of this kernel lies on disk, from this or an earlier run."""
    dispatcher: Any = kernel
    function = dispatcher.py_func
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}-"
    return any(Path(dispatcher.stats.cache_path).glob(f"{name}*.nbi"))
