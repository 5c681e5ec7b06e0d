"""The one switch for numba: every kernel is compiled with the same flags and cached on disk.

A cache that cannot be written, or that is damaged, costs compilation and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# Kernels that found no folder for their cache.
_UNCACHED: list[str] = []


def njit(function: Kernel) -> Kernel:
    """Compile a serial kernel: cached, without the GIL, never ``fastmath``."""
    return _compile(function, parallel=False)


def njit_parallel(function: Kernel) -> Kernel:
    """Compile a kernel whose ``prange`` loops run on all threads; otherwise as `njit`."""
    return _compile(function, parallel=True)


def _compile(function: Kernel, *, parallel: bool) -> Kernel:
    dispatcher = numba.njit(function, nogil=True, error_model="numpy", parallel=parallel)
    try:
        dispatcher._cache = _ForgivingCache(function)
    except (RuntimeError, OSError):
        # Without a folder that can be written numba refuses: the kernel lives as long as the
        # process.
        _UNCACHED.append(function.__qualname__)
    return cast(Kernel, dispatcher)


def is_caching() -> bool:
    """Whether kernels are kept on disk for the next process."""
    return not _UNCACHED


def cache_folder(kernel: Callable[..., Any]) -> str:
    """The folder that a kernel's compiled code is kept in; empty where there is none."""
    return str(getattr(getattr(kernel, "_cache", None), "cache_path", ""))


def thread_count() -> int:
    """Threads that parallel kernels run on."""
    return int(numba.get_num_threads())


class _ForgivingCache(FunctionCache):
    """numba's own cache, of which a damaged or locked file is as good as none."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code for these types, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            # Truncated or foreign files fail in whatever way pickle and LLVM see fit.
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code where that is possible."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
