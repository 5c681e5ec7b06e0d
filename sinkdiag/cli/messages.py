"""What goes to standard error: notes, warnings, faults, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, Protocol

import click


class Verbosity(Enum):
    """How much is said on standard error."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class Progress(Protocol):
    """How a long computation tells where it is; ``total`` may grow."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of ``stage`` are finished."""


def note(text: str) -> None:
    """Say something on standard error, unless -q was given."""
    if _verbosity() is not Verbosity.QUIET:
        click.echo(text, err=True)


def detail(text: str) -> None:
    """Say something on standard error when -v was given."""
    if _verbosity() is Verbosity.VERBOSE:
        click.echo(text, err=True)


def problem(text: str, command: str = "sinkdiag") -> None:
    """One line for a fault, whatever the verbosity."""
    click.echo(f"{command}: {' '.join(text.split())}", err=True)


def compiling(seconds: int, *kernels: Callable[..., Any]) -> None:
    """Tell, before the first run that compiles these kernels, how long that takes."""
    from sinkdiag.numerics.jit import is_cached

    if not all(is_cached(kernel) for kernel in kernels):
        note(f"compiling kernels (about {seconds} s, first run only)")


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar on standard error where that is a terminal; otherwise silence."""
    if _verbosity() is Verbosity.QUIET or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def advance(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield advance


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


def _verbosity() -> Verbosity:
    context = click.get_current_context(silent=True)
    level = context.find_root().obj if context is not None else None
    return level if isinstance(level, Verbosity) else Verbosity.NORMAL
