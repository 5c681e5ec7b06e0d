"""The workers of a Dask scheduler, on this machine or on others (extra ``dask``)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor

from sinkdiag.errors import InputError, first_words
from sinkdiag.parallel.workers import Pool

# Seconds within which a scheduler has to answer.
PATIENCE = 10
# Units that are handed over before they are needed, for each core of the workers.
AHEAD = 3


@contextlib.contextmanager
def scheduled(address: str) -> Iterator[Pool]:
    """A pool whose units run on the workers of the scheduler at this address.

    Raises
    ------
    InputError
        When the extra is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InputError(
            "--scheduler", "Dask is not installed", "pip install 'sinkdiag[dask]'"
        ) from error
    # What it logs of lost workers and late heartbeats is not for whoever waits for rows.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            address,
            f"no Dask scheduler answers ({first_words(error)})",
            "start one with: dask scheduler",
        ) from error

    def make() -> Executor:
        executor: Executor = client.get_executor(pure=False)
        return executor

    cores = max(1, sum(client.nthreads().values()))
    pool = Pool(make, AHEAD * max(cores, 2), count=cores, lost=(KilledWorker, CancelledError))
    with client:
        try:
            yield pool
        finally:
            pool.close(wait=False)
