"""Worker processes on this machine, from the standard library."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.connection import wait

from sinkdiag.parallel.threads import limit_blas, limit_numba
from sinkdiag.parallel.workers import Pool

# Units that are handed over before they are needed, for each process.
AHEAD = 2


@contextlib.contextmanager
def processes(count: int) -> Iterator[Pool]:
    """A pool of so many processes; whatever ends the block early ends them at once."""
    threads = max(1, (os.cpu_count() or 1) // count)

    def make() -> Executor:
        return ProcessPoolExecutor(
            count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=prepare,
            initargs=(threads,),
        )

    _start_tracker()
    before = set(multiprocessing.active_children())
    pool = Pool(make, AHEAD * count, count=count)
    try:
        yield pool
    except BaseException:
        kill_workers(set(multiprocessing.active_children()) - before)
        raise
    finally:
        pool.close(wait=True)


def _start_tracker() -> None:
    """Start the process that clears up after a killed one, and does not talk about it."""
    sys.warnoptions.append("ignore:resource_tracker")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove("ignore:resource_tracker")


def prepare(threads: int) -> None:
    """The first thing that a worker does, before it imports NumPy or numba.

    The parent alone answers to Ctrl-C; a worker ends with its parent, whatever ended that.
    """
    limit_blas()
    limit_numba(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def kill_workers(
    workers: set[multiprocessing.process.BaseProcess] | None = None,
) -> None:
    """End workers at once: those given, or all, for a process that is about to end itself."""
    for worker in multiprocessing.active_children() if workers is None else workers:
        with contextlib.suppress(OSError, ValueError):
            worker.kill()
