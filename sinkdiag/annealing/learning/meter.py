"""How far a calibration is, in units of work that are guessed beforehand and counted as done."""

from __future__ import annotations

import threading

from sinkdiag.progress import Progress

# Progress is told in thousandths.
WHOLE = 1000


class Meter:
    """Adds up work from several threads, and passes it on.

    ``plan`` holds the expected work of every stage in order, in any unit. A stage that takes less
    or more than was expected is set right when the next one begins.
    """

    def __init__(self, progress: Progress, plan: dict[str, float]) -> None:
        self._progress, self._plan = progress, plan
        self._lock = threading.Lock()
        self._before, self._stage, self._done = 0.0, next(iter(plan), ""), 0.0
        self._shown = -1

    def begin(self, stage: str) -> None:
        """The stages before ``stage`` are finished."""
        names = list(self._plan)
        with self._lock:
            self._before = sum(self._plan[name] for name in names[: names.index(stage)])
            self._stage, self._done = stage, 0.0
            self._show()

    def add(self, work: float) -> None:
        """Work of the present stage is done."""
        with self._lock:
            self._done += work
            self._show()

    def finish(self) -> None:
        """All stages are."""
        self._progress("done", WHOLE, WHOLE)

    def _show(self) -> None:
        done = self._before + min(self._done, self._plan[self._stage])
        share = int(WHOLE * done / sum(self._plan.values()))
        if share > self._shown:
            self._shown = share
            self._progress(self._stage, share, WHOLE)
