"""Options of runs over many units: --jobs, --scheduler, --shard, --keep-going, --resume."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from sinkdiag.cli.options import InputOptions, apply_options, fold
from sinkdiag.parallel.threads import one_thread_each

if TYPE_CHECKING:
    from sinkdiag.studies.units import Shard
    from sinkdiag.temperature import Temperatures

    ShardBase = click.ParamType[Shard]
else:
    # Older clicks have no parameters on this class.
    ShardBase = click.ParamType

MOST_JOBS = 1024


@dataclass(frozen=True, kw_only=True)
class WorkOptions:
    """Where the units of a run are worked on, which of them, and what a faulty one costs.

    ``divisible``: whether the command shares the temperatures of a matrix among its workers.
    ``several``: whether there is anything to share; else the one unit has this process, and all
    threads of BLAS.
    """

    jobs: int = 1
    scheduler: str | None = None
    shard: Shard | None = None
    keep_going: bool = False
    resume: bool = False
    divisible: bool = False
    several: bool = False

    def at_a_time(self, matrices: int) -> int:
        """Processes that have a matrix in their memory at a time."""
        if not self.several:
            return 1
        return self.jobs if self.divisible else min(self.jobs, matrices)


class ShardType(ShardBase):
    """I/N."""

    name = "I/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shard:
        """The share of the units that is meant."""
        from sinkdiag.studies.units import Shard

        try:
            return Shard.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def work_options(function: Callable[..., Any], *, divisible: bool = False) -> Any:
    """--jobs, --scheduler, --shard, --keep-going, --resume, as ``working: WorkOptions``.

    Below `input_options` and `eps_options`: a run over several matrices, or over the several
    temperatures of a command that can share them (``divisible``), has one thread of BLAS from its
    start.
    """
    build = functools.partial(WorkOptions, divisible=divisible)
    keys = {name: name for name in ("jobs", "scheduler", "shard", "keep_going", "resume")}
    return apply_options(
        fold(_threaded(function), "working", build, keys),
        click.option(
            "--jobs",
            type=click.IntRange(1, MOST_JOBS),
            default=1,
            show_default=True,
            help="Work on so many matrices at a time, a process each; of fewer matrices on so many "
            "stretches of temperatures."
            if divisible
            else "Work on so many matrices at a time, a process each.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Work on the Dask workers of this scheduler, such as tcp://host:8786.",
        ),
        click.option(
            "--shard",
            type=ShardType(),
            metavar="I/N",
            help="Only the I-th of N equal shares of the matrices.",
        ),
        click.option(
            "--keep-going",
            is_flag=True,
            help="Leave out inputs that cannot be used; the exit status is then 3.",
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="Go on from the rows that a broken run with the same -o has left.",
        ),
    )


def _threaded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command, told whether it has several units, and with one thread of BLAS if it has."""

    @functools.wraps(function)
    def wrapper(
        *args: Any,
        inputs: InputOptions,
        temperatures: Temperatures,
        working: WorkOptions,
        **kwargs: Any,
    ) -> Any:
        shared = working.divisible and len(temperatures.values) != 1
        working = replace(working, several=are_many(inputs) or shared)
        with one_thread_each() if working.several else contextlib.nullcontext():
            return function(
                *args, inputs=inputs, temperatures=temperatures, working=working, **kwargs
            )

    return wrapper


def are_many(inputs: InputOptions) -> bool:
    """Whether rows name their source and index: several files, or a stack."""
    return len(inputs.sources) > 1 or inputs.layout is not None
