"""One thread of BLAS for each unit of a run over several, so that rows depend on no other core.

What BLAS returns depends, in the last bits, on its number of threads.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator

_BLAS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_NUMBA = "NUMBA_NUM_THREADS"


def limit_blas() -> None:
    """One thread for a BLAS that is not loaded yet; nothing where the user has decided."""
    if not any(name in os.environ for name in _BLAS):
        os.environ.update(dict.fromkeys(_BLAS, "1"))


def limit_numba(threads: int) -> None:
    """So many threads for a numba that is not loaded yet, unless the user has decided."""
    os.environ.setdefault(_NUMBA, str(threads))


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """One thread for BLAS, loaded or not.

    A library that is loaded already is reached through threadpoolctl, where that is installed.
    """
    if "numpy" not in sys.modules:
        limit_blas()
        yield
        return
    if any(name in os.environ for name in _BLAS):
        yield
        return
    try:
        limits = importlib.import_module("threadpoolctl").threadpool_limits
    except ImportError:
        yield
        return
    importlib.import_module("scipy.linalg")  # whose BLAS is another one than NumPy's
    with limits(1, user_api="blas"):
        yield
