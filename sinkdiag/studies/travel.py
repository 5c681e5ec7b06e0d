"""Units on their way to workers that may see the same files: by name where they do, whole else."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sinkdiag._version import __version__
from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.load.costs import CostData, load_costs
from sinkdiag.load.source import split_key
from sinkdiag.parallel.workers import Pool, UnitFunction
from sinkdiag.progress import Progress, silent
from sinkdiag.studies.subjects import Case, Layout

_KEYED = (".npz", ".mat", ".safetensors")
# One unit at a time in a worker, however many threads it has: kernels have threads of their own.
_TURN = threading.Lock()


class Unseen:
    """What a worker returns that does not see the file, or sees another one."""


@dataclass(frozen=True, kw_only=True)
class FileCosts:
    """Costs as a place in a file: how it is read, its size, and what it must hold."""

    source: str
    layout: Layout | None
    score: bool
    size: int
    first: int
    sha256: tuple[str, ...]

    def read(self) -> list[FloatArray] | None:
        """The matrices, or None where this machine has no such file."""
        with contextlib.suppress(OSError, ValueError, InputError):
            path = Path(split_key(self.source, _KEYED)[0])
            found = path.stat()
            if found.st_size == self.size:
                data = _loaded(self.source, self.layout, self.score, found.st_mtime_ns)
                costs = list(data.stack[self.first : self.first + len(self.sha256)])
                costs = [np.ascontiguousarray(cost, dtype=np.float64) for cost in costs]
                if tuple(map(_digest, costs)) == self.sha256:
                    return costs
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Sent:
    """A case as it travels: its costs are left out where ``costs`` says where they lie."""

    case: Case
    costs: FileCosts | None
    version: str = __version__

    def arrived(self) -> Case | None:
        """The case on the worker, or None where it does not see the file.

        Raises
        ------
        InputError
            When the worker runs another version.
        """
        if self.version != __version__:
            raise InputError(
                "--scheduler",
                f"its workers run sinkdiag {__version__}, not {self.version}",
                "install the same version there",
            )
        if self.costs is None:
            return self.case
        costs = self.costs.read()
        if costs is None:
            return None
        problems = zip(self.case.problems, costs, strict=True)
        return replace(
            self.case, problems=tuple(replace(each, cost=cost) for each, cost in problems)
        )


class ByName:
    """The workers of a pool, to which files are sent by name as long as they see them."""

    def __init__(self, pool: Pool, layout: Layout | None, *, score: bool) -> None:
        """``layout`` and ``score``: how the command line reads its files."""
        self._pool, self._layout, self._score = pool, layout, score
        self._seen = True
        self.count = pool.count

    def map(
        self, function: UnitFunction, units: Sequence[Any], progress: Progress
    ) -> Iterator[Any]:
        """As `sinkdiag.parallel.workers.Workers.map`, for cases."""
        self._pool.pack = self._pack
        there = functools.partial(run_there, function)
        for case, outcome in zip(units, self._pool.map(there, units, progress), strict=True):
            if isinstance(outcome, Unseen):
                self._seen = False
                yield from self._pool.map(there, [case], silent)
            else:
                yield outcome

    def _pack(self, case: Case) -> Sent:
        place = _place(case, self._layout, self._score) if self._seen else None
        if place is None:
            return Sent(case=case, costs=None)
        bare = tuple(replace(problem, cost=np.empty((0, 0))) for problem in case.problems)
        return Sent(case=replace(case, problems=bare), costs=place)


def run_there(function: UnitFunction, sent: Sent, progress: Progress) -> Any:
    """On the worker: the case, read or as it came, and the function on it, with one thread."""
    with _TURN:
        try:
            case = sent.arrived()
        except InputError as error:
            return error
        if case is None:
            return Unseen()
        with _one_thread():
            return function(case, progress)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """For BLAS where threadpoolctl is installed; Dask's nannies have set it otherwise."""
    import numba
    import scipy.linalg  # noqa: F401  # its BLAS is another one than NumPy's, and must be loaded

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        limits = importlib.import_module("threadpoolctl").threadpool_limits(1, user_api="blas")
    except ImportError:
        limits = contextlib.nullcontext()
    try:
        with limits:
            yield
    finally:
        numba.set_num_threads(before)


def _place(case: Case, layout: Layout | None, score: bool) -> FileCosts | None:
    """Where the costs lie; None for what is no regular file (a pipe, two files of points)."""
    with contextlib.suppress(OSError, ValueError):
        name, key = split_key(case.label.source, _KEYED)
        path = Path(name).resolve()
        if path.is_file():
            return FileCosts(
                source=str(path) if key is None else f"{path}:{key}",
                layout=layout,
                score=score,
                size=path.stat().st_size,
                first=case.label.index,
                sha256=tuple(_digest(problem.cost) for problem in case.problems),
            )
    return None


def _digest(cost: FloatArray) -> str:
    return hashlib.sha256(cost.tobytes()).hexdigest()


@functools.lru_cache(maxsize=1)
def _loaded(source: str, layout: Layout | None, score: bool, changed: int) -> CostData:
    """The last file that this worker has read; ``changed`` is its time of modification."""
    del changed
    return load_costs(source, layout=layout, score=score)
