"""What goes to standard error: notes, details, faults, progress."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import click

from sinkdiag.progress import Progress, silent
from sinkdiag.text import printable

# Seconds between two lines of progress where there is no terminal.
LINE_EVERY = 10.0


class Verbosity(Enum):
    """How much is written on standard error."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One command line: its arguments, and how much it wants to be told."""

    arguments: tuple[str, ...] = ()
    verbosity: Verbosity = Verbosity.NORMAL


def invocation() -> Invocation:
    """That of the running command."""
    context = click.get_current_context(silent=True)
    found = context.find_root().obj if context is not None else None
    return found if isinstance(found, Invocation) else Invocation()


def note(text: str) -> None:
    """Write a line on standard error, unless -q was given."""
    if invocation().verbosity is not Verbosity.QUIET:
        _write(text)


def detail(text: str) -> None:
    """Write a line on standard error when -v was given."""
    if invocation().verbosity is Verbosity.VERBOSE:
        _write(text)


def fault(text: str, command: str = "sinkdiag") -> None:
    """One line for a fault, whatever the verbosity."""
    _write(f"{command}: {' '.join(text.split())}")


def _write(text: str) -> None:
    """One line on standard error, where there is one; rows and status never depend on it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on standard error where that is a terminal, otherwise a line now and then.

    The first kernel that has to be compiled is announced.
    """
    with _compilation():
        if invocation().verbosity is Verbosity.QUIET:
            yield silent
            return
        if not _is_terminal():
            yield _Lines()
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)

            def progress(stage: str, done: int, total: int) -> None:
                bar.update(task, description=stage, completed=done, total=total)

            yield progress


class _Lines:
    """A line for whoever reads standard error in a file, every ten seconds of a long run."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._first = self._done = -1

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say where the run is, and what is left if it goes on at this pace."""
        now = time.monotonic()
        if self._first < 0 or done < self._done:
            # Neither what ran before nor an earlier count says how fast this one is.
            self._first, self._start = done, now
        self._done = done
        if now - self._last < LINE_EVERY or not self._first < done < total:
            return
        self._last = now
        left = (now - self._start) * (total - done) / (done - self._first)
        note(f"{stage}: {done / total:.0%}, about {left:.0f} s left")


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def _compilation() -> Iterator[None]:
    """Announce, once, that kernels are compiled; those that lie in the cache are not."""
    from numba.core import event

    from sinkdiag.numerics.jit import is_caching

    announced = False

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            nonlocal announced
            del event
            if not announced:
                announced = True
                note(
                    "compiling kernels (first run only)"
                    if is_caching()
                    else "compiling kernels (every run: no folder for their cache can be written; "
                    "set NUMBA_CACHE_DIR to one that can)"
                )

        def on_end(self, event: Any) -> None:
            del event

    with event.install_listener("numba:compile", Listener()):
        yield
