"""Functions over many units, in order: here, or in the workers of an executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import Any, Protocol

from sinkdiag.progress import Progress, silent

# A unit's function: told of its own progress, which only a unit in this process is asked for.
UnitFunction = Callable[[Any, Progress], Any]


class LostWorker:
    """What is returned for a unit whose worker died twice."""


class Workers(Protocol):
    """Where units are run, ``count`` of them at a time."""

    @property
    def count(self) -> int:
        """How many units are worked on at a time."""

    def map(
        self, function: UnitFunction, units: Sequence[Any], progress: Progress
    ) -> Iterator[Any]:
        """What the function returns for each unit, in order, as soon as it is known."""


class InProcess:
    """One unit after another, in this process; each tells its own progress."""

    count = 1

    def map(
        self, function: UnitFunction, units: Sequence[Any], progress: Progress
    ) -> Iterator[Any]:
        """As `Workers.map`; nothing is computed before it is asked for."""
        for number, unit in enumerate(units):

            def of_all(stage: str, done: int, total: int, before: int = number) -> None:
                progress(stage, before * total + done, len(units) * total)

            yield function(unit, of_all)


class Pool:
    """The workers of an executor, kept busy with a few units beyond the one that is waited for.

    When a worker dies, the units that were under way are run once more, one at a time, so that the
    one that kills its worker is known: for it `LostWorker` is returned, and the others go on.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        ahead: int,
        *,
        count: int,
        lost: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError),
    ) -> None:
        """``make`` starts an executor; ``lost`` is what it raises for a worker that died.

        ``count`` units are worked on at a time, ``ahead`` handed over.
        """
        self.count = count
        self._make, self._ahead, self._lost = make, ahead, lost
        self.executor: Executor | None = None
        # What is sent in place of a unit.
        self.pack: Callable[[Any], Any] = _as_it_is

    def map(
        self, function: UnitFunction, units: Sequence[Any], progress: Progress
    ) -> Iterator[Any]:
        """As `Workers.map`; progress counts units."""
        coming, window = iter(units), deque[tuple[Any, Future[Any] | None]]()
        done, stage = 0, "units"
        progress(stage, 0, len(units))
        while True:
            # Units that shared the fate of a dead worker are run alone: nothing new beside them.
            alone = any(known is None for _, known in window)
            while (
                not alone and len(window) < self._ahead and (unit := next(coming, None)) is not None
            ):
                window.append((unit, self._submit(function, unit)))
            if not window:
                return
            unit, future = window.popleft()
            found, broken = self._outcome(function, unit, future)
            if broken:
                self.close(wait=False)
                window = deque((each, _kept(known)) for each, known in window)
                found = self._alone(function, unit)
            done += 1
            progress(stage, done, len(units))
            yield found

    def close(self, *, wait: bool) -> None:
        """Nothing more will be asked for; ``wait`` until the workers have ended."""
        if self.executor is not None:
            self.executor.shutdown(wait=wait)
        self.executor = None

    def _submit(self, function: UnitFunction, unit: Any) -> Future[Any] | None:
        """Hand a unit over; None where the executor is already known to have lost a worker."""
        if self.executor is None:
            self.executor = self._make()
        try:
            return self.executor.submit(function, self.pack(unit), silent)
        except self._lost:
            return None

    def _outcome(
        self, function: UnitFunction, unit: Any, future: Future[Any] | None
    ) -> tuple[Any, bool]:
        """What a unit came to, and whether its worker was lost instead.

        A unit without a future was under way when another's worker died.
        """
        if future is None:
            return self._alone(function, unit), False
        try:
            return future.result(), False
        except self._lost:
            return None, True

    def _alone(self, function: UnitFunction, unit: Any) -> Any:
        """Once more, with nothing beside it that could kill its worker."""
        for _ in range(2):
            future = self._submit(function, unit)
            if future is not None:
                break
            self.close(wait=False)
        try:
            return LostWorker() if future is None else future.result()
        except self._lost:
            self.close(wait=False)
            return LostWorker()


def _kept(future: Future[Any] | None) -> Future[Any] | None:
    """A future that has its result; None for one that shared the fate of a dead worker."""
    if future is not None and future.done() and not future.cancelled():
        return future if future.exception() is None else None
    return None


def _as_it_is(unit: Any) -> Any:
    return unit
