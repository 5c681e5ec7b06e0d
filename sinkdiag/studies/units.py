"""How a study goes over its units: the one loop that every study of several matrices has.

A unit is a case: one matrix, or a stack that is taken as a whole. Its parts come in the order of
the input, wherever they were made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from sinkdiag.errors import InputError
from sinkdiag.parallel.workers import InProcess, LostWorker, Workers
from sinkdiag.progress import Progress, silent
from sinkdiag.studies.result import Part
from sinkdiag.studies.subjects import Case, Layout, Subject, cases

PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The ``number``-th of ``count`` runs that share the units: a block of neighbours.

    Blocks, so that the rows of all runs, one after another, are those of one run.
    """

    number: int = 1
    count: int = 1

    def __contains__(self, place: tuple[int, int]) -> bool:
        """Whether a unit (its number from 0, of how many) belongs to this run."""
        unit, units = place
        return (self.number - 1) * units // self.count <= unit < self.number * units // self.count

    @classmethod
    def parse(cls, text: str) -> Shard:
        """I/N, with 1 <= I <= N.

        Raises
        ------
        ValueError
            For anything else.
        """
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(f"{text!r} is not I/N with 1 <= I <= N, such as 2/8")
        return cls(number=int(match[1]), count=int(match[2]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """Where units are run, which of them, and who is told of each.

    Attributes
    ----------
    workers, shard:
        Where they are run, and which share of them.
    keep_going:
        Whether a unit that cannot be used is left out, or ends the run.
    known:
        Whether a unit (number, case) is known from an earlier run and need not be run.
    finished:
        Told of every unit and its parts, in order.
    fault:
        Told of every unit that is left out.
    faults:
        All of those, in order.
    """

    workers: Workers = field(default_factory=InProcess)
    shard: Shard = field(default_factory=Shard)
    keep_going: bool = False
    known: Callable[[int, Case], bool] | None = None
    finished: Callable[[int, Case, Sequence[Part]], None] | None = None
    fault: Callable[[InputError], None] | None = None
    faults: list[InputError] = field(default_factory=list)

    def leave_out(self, error: InputError) -> None:
        """Say so and go on, or raise it."""
        if not self.keep_going:
            raise error
        self.faults.append(error)
        if self.fault is not None:
            self.fault(error)

    def wants(self, number: int, case: Case, count: int) -> bool:
        """Whether a unit, one of ``count``, is to be run."""
        known = self.known is not None and self.known(number, case)
        return (number, count) in self.shard and not known

    def take(self, number: int, case: Case, parts: Sequence[Part]) -> None:
        """A unit is finished."""
        if self.finished is not None:
            self.finished(number, case, parts)


# Here, all of them, one after another.
HERE = Work()


def run_units(
    subjects: Sequence[Subject],
    function: Callable[..., Sequence[PartT]],
    together: Layout | None = None,
    check: Callable[[Case], object] | None = None,
    *,
    divisible: bool = False,
    work: Work = HERE,
    progress: Progress = silent,
) -> tuple[PartT, ...]:
    """The parts of every unit, in order.

    Parameters
    ----------
    subjects, together:
        What the units are cut from: `cases`.
    function:
        What makes the parts of a unit (case, progress); a module's function or a
        `functools.partial` of one, so that it can be sent to a worker.
    check:
        Raises `InputError` for units that cannot be used; asked of all before any is run.
    divisible:
        Whether ``function`` takes ``workers``, among which it shares a unit. Those of ``work``
        share units instead, unless there are more of them than units.
    work, progress:
        Where and which; who is told how far it is.

    Raises
    ------
    InputError
        That of the first unit that cannot be used, unless ``work.keep_going``.
    """
    found = cases(subjects, together=together)
    units = [unit for unit in enumerate(found) if work.wants(*unit, len(found))]
    if check is not None:
        units = [unit for unit in units if _passes(check, unit[1], work)]
    workers, within = work.workers, InProcess()
    if divisible:
        if len(units) < workers.count:
            workers, within = within, workers
        function = partial(function, workers=within)
    made = workers.map(partial(attempt, function), [case for _, case in units], progress)
    parts: list[PartT] = []
    for (number, case), outcome in zip(units, made, strict=True):
        if isinstance(outcome, InputError):
            work.leave_out(outcome)
        elif isinstance(outcome, LostWorker):
            work.leave_out(lost(case))
        else:
            work.take(number, case, outcome)
            parts += outcome
    return tuple(parts)


def _passes(check: Callable[[Case], object], case: Case, work: Work) -> bool:
    try:
        check(case)
    except InputError as error:
        work.leave_out(error)
        return False
    return True


def attempt(function: Callable[[Any, Progress], Any], case: Case, progress: Progress) -> Any:
    """What the function makes of a case, or the error that says why not: it travels as a value."""
    try:
        return function(case, progress)
    except InputError as error:
        return error


def lost(case: Case) -> InputError:
    """The error of a unit whose worker died twice."""
    return InputError(
        case.name,
        "the process that worked on it ended twice without a word (out of memory?)",
        "give fewer --jobs, or a smaller matrix",
    )
