"""Options that several commands share, each group folded into one frozen dataclass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from sinkdiag.cli.types import EpsType, FileName, MemorySize, share
from sinkdiag.columns import reference
from sinkdiag.temperature import EpsUnit, Temperatures

if TYPE_CHECKING:
    from sinkdiag.load.points import Metric

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """Where the costs come from and how they are read."""

    sources: tuple[str, ...] = ()
    layout: Literal["batch", "trajectory"] | None = None
    score: bool = False
    marginals: str = "unit"
    points: tuple[str, str] | None = None
    metric: Metric | None = None
    max_memory: float | None = None
    reads: tuple[str, ...] = ()

    def reading(self, *paths: str | None) -> InputOptions:
        """The same, with files that are no costs."""
        return replace(self, reads=tuple(filter(None, paths)))

    @property
    def files(self) -> tuple[str, ...]:
        """Everything that costs are made from."""
        return (*self.sources, *(self.points or ()))

    @property
    def marginals_file(self) -> str | None:
        """The file that marginals come from, if they do."""
        return None if self.marginals in ("unit", "probability") else self.marginals


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where the rows, and what accompanies them, go."""

    form: Literal["auto", "table", "csv", "json", "jsonl"] = "auto"
    path: str | None = None
    plot: str | None = None
    manifest: str | None = None
    extended: bool = False
    fail_on: tuple[str, ...] = ()


def fold(
    function: Callable[..., Any], name: str, build: Callable[..., Any], keys: Mapping[str, str]
) -> Callable[..., Any]:
    """Wrap ``function`` so that the options ``keys`` reach it as one argument ``name``."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        values = {field: kwargs.pop(option) for option, field in keys.items()}
        return function(*args, **{name: build(**values)}, **kwargs)

    return wrapper


def apply_options(function: Callable[..., Any], *decorators: Callable[[Any], Any]) -> Any:
    """The options of a group, the first one outermost."""
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def _inputs(required: bool, **values: Any) -> InputOptions:
    """The options, of which one source must be given where it is ``required``."""
    options = InputOptions(**values)
    if bool(options.sources) and options.points is not None:
        raise click.UsageError("give COST or --points, not both", click.get_current_context())
    missing = "Missing argument 'COST...', or --points X Y"
    if required and not options.files:
        raise click.UsageError(missing, click.get_current_context())
    return options


_POINTS = (
    click.option(
        "--points",
        nargs=2,
        metavar="X Y",
        type=FileName(),
        help="In place of COST: the points (n, d) and (m, d) whose --metric is the cost.",
    ),
    click.option(
        "--metric",
        type=click.Choice(["sqeuclidean", "euclidean", "cosine"]),
        help="Of --points.  [default: sqeuclidean]",
    ),
)


def input_options(function: Command, *, required: bool = True) -> Command:
    """COST... and how it is read, --max-memory: as ``inputs: InputOptions``."""
    same = ("layout", "score", "marginals", "points", "metric", "max_memory")
    keys = {"cost": "sources", **{name: name for name in same}}
    return apply_options(
        fold(function, "inputs", functools.partial(_inputs, required), keys),
        click.argument("cost", nargs=-1, metavar="COST...", type=FileName()),
        click.option(
            "--layout",
            type=click.Choice(["batch", "trajectory"]),
            help="What the first axis of a three-dimensional array is.",
        ),
        click.option("--score", is_flag=True, help="Entries are similarities: negate them."),
        *_POINTS,
        click.option(
            "--marginals",
            default="unit",
            show_default=True,
            metavar="unit|probability|FILE",
            type=FileName(),
            help="Row and column masses: 1 and n/m; 1/n and 1/m; or a file (.npz with row and "
            "col, or two lines of text).",
        ),
        click.option(
            "--max-memory",
            type=MemorySize(),
            metavar="SIZE",
            help="Refuse a run that needs more (bytes, 500M, 4G). [default: what is free]",
        ),
    )


def eps_options(function: Command) -> Command:
    """--eps and --eps-unit, as ``temperatures: Temperatures``."""

    def build(eps: tuple[list[float], ...], unit: EpsUnit) -> Temperatures:
        return Temperatures(values=tuple(value for part in eps for value in part), unit=unit)

    return apply_options(
        fold(function, "temperatures", build, {"eps": "eps", "eps_unit": "unit"}),
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
    """--format, -o, --plot, --manifest, --extended, --fail-on, as ``output: OutputOptions``."""
    keys = {**_PLAIN, "plot": "plot", "manifest": "manifest", "extended": "extended"}
    return apply_options(
        fold(function, "output", OutputOptions, keys),
        click.option(
            "--plot", metavar="PATH", type=FileName(), help="Draw the figure (.png .pdf .svg)."
        ),
        *plain_options(),
        manifest_option(),
        click.option("--extended", is_flag=True, help="More columns after the standard ones."),
    )


def plain_output_options(function: Command) -> Command:
    """--format, -o, --fail-on, as ``output: OutputOptions``: for rows alone."""
    return apply_options(fold(function, "output", OutputOptions, _PLAIN), *plain_options())


_PLAIN = {"format": "form", "output": "path", "fail_on": "fail_on"}


def plain_options(
    *,
    output: str = "Write the rows to this file, whole (.csv .json .jsonl .txt).",
    form: str = "auto: a table on a terminal, CSV in a pipe, the file's ending with -o.",
    fail_on: str = "Leave with status 5 if a row meets COLUMN<VALUE (also <= > >= == !=).",
) -> tuple[Callable[[Any], Any], ...]:
    """-o, --format and --fail-on, with what each says of itself."""
    return (
        click.option("-o", "--output", metavar="PATH", type=FileName(), help=output),
        click.option(
            "--format",
            type=click.Choice(["auto", "table", "csv", "json", "jsonl"]),
            default="auto",
            show_default=True,
            help=form,
        ),
        click.option("--fail-on", multiple=True, metavar="CONDITION", help=fail_on),
    )


def manifest_option() -> Callable[[Any], Any]:
    """--manifest."""
    return click.option(
        "--manifest",
        metavar="PATH",
        type=FileName(),
        help="Write versions, settings, arguments and the inputs' SHA-256 to this file.",
    )


def solver_options(function: Command, *, tol: float = 1e-12, max_iter: int = 10_000) -> Command:
    """--tol and --max-iter, with their defaults."""
    return apply_options(
        function,
        click.option(
            "--tol",
            type=share(),
            default=tol,
            show_default=True,
            help="Relative marginal error of a fixed point.",
        ),
        click.option(
            "--max-iter",
            type=click.IntRange(min=1),
            default=max_iter,
            show_default=True,
            help="Limit on sweeps and Newton steps of one fixed point.",
        ),
    )


def seed_option(function: Command) -> Command:
    """--seed."""
    return apply_options(
        function,
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed."
        ),
    )


def claims_option(function: Command) -> Command:
    """--claims."""
    return apply_options(
        function,
        click.option("--claims", is_flag=True, help="Say of each claim of the paper if it holds."),
    )


def norm_option(function: Command, *, multiple: bool = False) -> Command:
    """--norm, repeatable on request."""
    return apply_options(
        function,
        click.option(
            "--norm",
            type=click.Choice(["plan", "potential", "natural"]),
            multiple=multiple,
            default=("plan",) if multiple else "plan",
            show_default=True,
            help="plan: ‖P∘(a⊕b)‖_F; potential: Euclidean, mean-free; natural: weighted by the "
            "column marginal, there the Jacobian is self-adjoint."
            + (" Repeat it to see several side by side." if multiple else ""),
        ),
    )


def columns_option(module: str, result: str) -> Callable[[Command], Command]:
    """--columns: print what the columns of this command's result mean, and leave."""

    def show(context: click.Context, option: click.Parameter, asked: bool) -> None:
        del option
        if not asked or context.resilient_parsing:
            return
        result_type = getattr(import_module(module), result)
        click.echo(reference(result_type.row_type), nl=False)
        for title, row_type in result_type.other_rows.items():
            click.echo(f"\n{title}:\n")
            click.echo(reference(row_type), nl=False)
        context.exit()

    return click.option(
        "--columns",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Say what every column means, and leave.",
    )
