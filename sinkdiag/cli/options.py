"""Options that several commands share, each group folded into one frozen dataclass."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import click

from sinkdiag.temperature import EpsUnit, parse_eps

Command = TypeVar("Command", bound=Callable[..., Any])


class EpsType(click.ParamType[list[float]]):
    """A temperature, or START:STOP:COUNT for a geometric grid."""

    name = "eps"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[float]:
        """Parse, with the fault in one line."""
        if isinstance(value, list):
            return value
        try:
            return parse_eps(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Positive(click.ParamType[float]):
    """A finite number above 0, and below ``below`` if that is given."""

    name = "number"

    def __init__(self, below: float | None = None, *, zero: bool = False) -> None:
        self.below = below
        self.zero = zero

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse and check the range (nan and inf are outside every range)."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        top = float("inf") if self.below is None else self.below
        if not (0 < number < top or (self.zero and number == 0)):
            low = "0 or more" if self.zero else "positive"
            self.fail(
                f"{value} is not {low}"
                + (" and finite" if self.below is None else f" and below {self.below:g}"),
                param,
                ctx,
            )
        return number


@dataclass(frozen=True)
class InputOptions:
    """Where the costs come from and how they are read."""

    sources: tuple[str, ...]
    layout: Literal["batch", "trajectory"] | None
    score: bool
    marginals: str


@dataclass(frozen=True)
class EpsOptions:
    """Temperatures as the user wrote them; ``values`` is empty for the automatic grid."""

    values: tuple[float, ...]
    unit: EpsUnit


@dataclass(frozen=True)
class OutputOptions:
    """Where the rows, and what accompanies them, go."""

    form: Literal["auto", "table", "csv", "json", "jsonl"]
    path: str | None
    plot: str | None
    extended: bool
    fail_on: tuple[str, ...]


def _fold(
    function: Callable[..., Any], name: str, build: Callable[..., Any], keys: dict[str, str]
) -> Callable[..., Any]:
    """Wrap ``function`` so that the options ``keys`` reach it as one argument ``name``."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        values = {field: kwargs.pop(option) for option, field in keys.items()}
        return function(*args, **{name: build(**values)}, **kwargs)

    return wrapper


def _apply(function: Callable[..., Any], *decorators: Callable[[Any], Any]) -> Any:
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def input_options(function: Command, *, required: bool = True) -> Command:
    """COST..., --layout, --score, --marginals, as ``inputs: InputOptions``."""
    folded = _fold(
        function,
        "inputs",
        InputOptions,
        {"cost": "sources", "layout": "layout", "score": "score", "marginals": "marginals"},
    )
    return _apply(
        folded,
        click.argument("cost", nargs=-1, required=required, metavar="COST..."),
        click.option(
            "--layout",
            type=click.Choice(["batch", "trajectory"]),
            help="What the first axis of a three-dimensional array is.",
        ),
        click.option("--score", is_flag=True, help="Entries are similarities: negate them."),
        click.option(
            "--marginals",
            default="unit",
            show_default=True,
            metavar="unit|probability|FILE",
            help="Row and column masses: 1 and n/m; 1/n and 1/m; or a file (.npz with row and "
            "col, or two lines of text).",
        ),
    )


def eps_options(function: Command) -> Command:
    """--eps and --eps-unit, as ``temperatures: EpsOptions``."""

    def build(eps: tuple[list[float], ...], unit: EpsUnit) -> EpsOptions:
        return EpsOptions(tuple(value for part in eps for value in part), unit)

    folded = _fold(function, "temperatures", build, {"eps": "eps", "eps_unit": "unit"})
    return _apply(
        folded,
        click.option(
            "--eps",
            type=EpsType(),
            multiple=True,
            metavar="V",
            help="Temperature: a number or START:STOP:COUNT (geometric); repeatable. "
            "[default: automatic, from the cost's range]",
        ),
        click.option(
            "--eps-unit",
            type=click.Choice(["none", "range", "mean", "median", "std"]),
            default="none",
            show_default=True,
            help="Give eps in units of this statistic of the costs.",
        ),
    )


def output_options(function: Command) -> Command:
    """--format, -o, --plot, --extended, --fail-on, as ``output: OutputOptions``."""
    keys = {
        "format": "form",
        "output": "path",
        "plot": "plot",
        "extended": "extended",
        "fail_on": "fail_on",
    }
    folded = _fold(function, "output", OutputOptions, keys)
    return _apply(
        folded,
        click.option(
            "--format",
            type=click.Choice(["auto", "table", "csv", "json", "jsonl"]),
            default="auto",
            show_default=True,
            help="auto: a table on a terminal, CSV in a pipe, the file's ending with -o.",
        ),
        click.option("-o", "--output", metavar="PATH", help="Write the rows to this file, whole."),
        click.option("--plot", metavar="PATH", help="Draw the figure (.png .pdf .svg)."),
        click.option("--extended", is_flag=True, help="More columns after the standard ones."),
        click.option(
            "--fail-on",
            multiple=True,
            metavar="CONDITION",
            help="Leave with status 5 if a row meets COLUMN<VALUE (also <= > >= == !=).",
        ),
    )


def solver_options(function: Command, *, tol: float = 1e-12) -> Command:
    """--tol, with its default, and --max-iter."""
    return _apply(
        function,
        click.option(
            "--tol",
            type=Positive(below=1.0),
            default=tol,
            show_default=True,
            help="Relative marginal error of a fixed point.",
        ),
        click.option(
            "--max-iter",
            type=click.IntRange(min=1),
            default=10_000,
            show_default=True,
            help="Limit on sweeps and Newton steps of one fixed point.",
        ),
    )


def seed_option(function: Command) -> Command:
    """--seed."""
    return _apply(
        function,
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed."
        ),
    )


def norm_option(function: Command) -> Command:
    """--norm."""
    return _apply(
        function,
        click.option(
            "--norm",
            type=click.Choice(["plan", "potential", "natural"]),
            default="plan",
            show_default=True,
            help="plan: ‖P∘(a⊕b)‖_F; potential: Euclidean, mean-free; natural: weighted by the "
            "column marginal, there the Jacobian is self-adjoint.",
        ),
    )
