"""``sinkdiag pseudospectrum``: resolvent norms on a grid, and what they say."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.emit import check_output, emit, exit_status
from sinkdiag.cli.inputs import marginal_kind, read_inputs, temperature_grid
from sinkdiag.cli.manifest import manifest_option, write_manifest
from sinkdiag.cli.messages import compiling, detail, note, progress
from sinkdiag.cli.options import (
    EpsOptions,
    InputOptions,
    OutputOptions,
    Positive,
    eps_options,
    input_options,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.plane import Axes, Complex, Shape

if TYPE_CHECKING:
    from sinkdiag.jacobian.modes import Norm
    from sinkdiag.load import CostData
    from sinkdiag.report.table import Label
    from sinkdiag.resolvent.pseudomode import ModeEntry
    from sinkdiag.studies.portrait import Portrait, Settings

AUTO_COUNT = 4


@dataclass(frozen=True)
class _Run:
    """What was computed, and for which matrix of the input."""

    portraits: list[Portrait]
    labels: list[Label]
    modes: list[ModeEntry]
    mode_labels: list[Label]
    several: bool
    data: list[CostData]


@click.command(short_help="Resolvent norms on a grid, Kreiss constant, powers, fragile rows.")
@functools.partial(input_options, required=False)
@click.option("--matrix", metavar="FILE", help="Any square matrix instead of COST (.npy: complex).")
@click.option("--from-grid", metavar="FILE", help="Report and draw what --save-grid wrote.")
@eps_options
@click.option(
    "--norm",
    "norms",
    type=click.Choice(["plan", "potential", "natural"]),
    multiple=True,
    default=("plan",),
    show_default=True,
    help="Norm of perturbations; repeat it to see several side by side.",
)
@click.option(
    "--iters", type=click.IntRange(min=1), help="The Jacobian of K sweeps, not the fixed point's."
)
@click.option("--grid", "shape", type=Shape(), metavar="N|NxM", help="Points. [default: automatic]")
@click.option("--axes", type=Axes(), metavar="A,B,C,D", help="Re from A to B, Im from C to D.")
@click.option(
    "--level",
    "levels",
    type=Positive(),
    multiple=True,
    metavar="V",
    help="Level of a curve ‖(z-J)⁻¹‖ = 1/V; repeatable. [default: automatic]",
)
@click.option(
    "--structured",
    type=Positive(),
    metavar="S",
    help="Also: how far cost perturbations of Frobenius norm S (cost units) move eigenvalues.",
)
@click.option("--mode-at", type=Complex(), multiple=True, metavar="Z", help="Pseudo-mode at Z.")
@click.option("--modes", metavar="PATH", help="Write rows and columns of the pseudo-modes (CSV).")
@click.option("--save-grid", metavar="PATH", help="Keep everything (.npz) for --from-grid.")
@solver_options
@seed_option
@manifest_option
@output_options
def pseudospectrum(
    inputs: InputOptions,
    matrix: str | None,
    from_grid: str | None,
    temperatures: EpsOptions,
    norms: tuple[Norm, ...],
    iters: int | None,
    shape: tuple[int, int] | None,
    axes: tuple[float, float, float, float] | None,
    levels: tuple[float, ...],
    structured: float | None,
    mode_at: tuple[complex, ...],
    modes: str | None,
    save_grid: str | None,
    tol: float,
    max_iter: int,
    seed: int,
    manifest: str | None,
    output: OutputOptions,
) -> int:
    """Compute ‖(z-J)⁻¹‖ on a grid of z for the Jacobian of a Sinkhorn sweep on COST.

    One row a point. The summary (on standard error, and in --format json) has pseudospectral
    radii, the Kreiss constant between two bounds, the numerical radius, kappa(V) and ‖J^k‖ with
    bounds. --plot draws one panel for each temperature and norm.

    \b
    Examples:
      sinkdiag pseudospectrum cost.npy --eps 0.05 --plot portrait.png -o grid.csv
      sinkdiag pseudospectrum cost.npy --eps 1:0.01:3 --plot strip.pdf --format json -o grid.json
      sinkdiag pseudospectrum cost.npy --eps 0.05 --mode-at 1 --modes fragile.csv -o grid.csv
      sinkdiag pseudospectrum --matrix grcar.npy --level 1e-4 --plot grcar.png -o grid.csv
    """
    from sinkdiag.studies.portrait import PseudospectrumRow, Settings

    chosen = [bool(inputs.sources), matrix is not None, from_grid is not None]
    if sum(chosen) != 1:
        raise click.UsageError("give exactly one of COST, --matrix and --from-grid")
    if bool(mode_at) != (modes is not None):
        raise click.UsageError("--mode-at and --modes go together")
    if from_grid is not None and (mode_at or save_grid is not None):
        raise click.UsageError("--from-grid computes nothing: drop --mode-at and --save-grid")
    asked = bool(temperatures.values) or norms != ("plan",)
    if not inputs.sources and (asked or iters is not None or structured is not None):
        raise click.UsageError("--eps, --norm, --iters and --structured need COST")
    check_output(output, PseudospectrumRow, modes, save_grid, manifest)
    settings = Settings(axes, shape, tuple(sorted(set(levels), reverse=True)) or None, seed=seed)
    if from_grid is not None:
        run = _saved(from_grid)
    elif matrix is not None:
        run = _of_matrix(matrix, settings, mode_at)
    else:
        run = _of_costs(
            inputs, temperatures, settings, norms, iters, structured, mode_at, (tol, max_iter)
        )
    write_manifest(
        manifest,
        run.data,
        files=[path for path in (matrix, from_grid) if path is not None],
        marginals=inputs.marginals,
        seed=seed,
        replicates=None,
        tol=tol,
        max_iter=max_iter,
    )
    return _report(run, output, modes, save_grid)


def _compiling() -> None:
    from sinkdiag.numerics.kernels import judge, lanczos_step
    from sinkdiag.resolvent.kernels import COMPILE_SECONDS

    compiling(COMPILE_SECONDS, lanczos_step, judge)


def _saved(path: str) -> _Run:
    from sinkdiag.report.saved_grids import load_portraits
    from sinkdiag.report.table import Label

    portraits = load_portraits(path)
    names = [item.facts.source for item in portraits]
    labels = [Label(name, item.facts.index) for name, item in zip(names, portraits, strict=True)]
    return _Run(portraits, labels, [], [], len(set(labels)) > 1, [])


def _of_matrix(source: str, settings: Settings, mode_at: tuple[complex, ...]) -> _Run:
    from sinkdiag.load.matrices import load_matrix
    from sinkdiag.report.table import Label
    from sinkdiag.resolvent.operator import of_matrix
    from sinkdiag.resolvent.pseudomode import entries_at
    from sinkdiag.studies.portrait import compute

    operator = of_matrix(load_matrix(source), source)
    _compiling()
    with progress() as advance:
        portrait = compute(operator, settings, tell=advance)
    modes = [entry for z in mode_at for entry in entries_at(operator, z)]
    label = Label(source, 0)
    return _Run([portrait], [label], modes, [label] * len(modes), False, [])


def _of_costs(
    inputs: InputOptions,
    temperatures: EpsOptions,
    settings: Settings,
    norms: tuple[Norm, ...],
    iters: int | None,
    structured: float | None,
    mode_at: tuple[complex, ...],
    limits: tuple[float, int],
) -> _Run:
    from sinkdiag.report.table import Label
    from sinkdiag.studies.pseudospectrum import Question, portraits_of

    data = read_inputs(inputs)
    groups = [item.problems(marginal_kind(inputs)) for item in data]
    problems = [problem for group in groups for problem in group]
    eps = temperature_grid(temperatures, problems, AUTO_COUNT)
    question = Question(tuple(dict.fromkeys(norms)), iters or 0, structured, mode_at, *limits)
    _compiling()
    run = _Run([], [], [], [], len(problems) > 1, data)
    for item, group in zip(data, groups, strict=True):
        for index, problem in enumerate(group):
            label = Label(item.name, index)
            with progress() as advance:
                answers = portraits_of(problem, eps, question, settings, index, advance)
            for portrait, modes in answers:
                run.portraits.append(portrait)
                run.labels.append(label)
                run.modes.extend(modes)
                run.mode_labels.extend([label] * len(modes))
    return run


def _report(run: _Run, output: OutputOptions, modes: str | None, save_grid: str | None) -> int:
    from sinkdiag.report.files import write_text
    from sinkdiag.report.saved_grids import save_portraits
    from sinkdiag.report.table import Table
    from sinkdiag.resolvent.pseudomode import ModeEntry
    from sinkdiag.studies.portrait import PseudospectrumRow, Summary

    rows = []
    labels = []
    for portrait, label in zip(run.portraits, run.labels, strict=True):
        found = portrait.rows()
        rows += found
        labels += [label] * len(found)
    table = Table.of(
        "pseudospectrum",
        PseudospectrumRow,
        rows,
        extended=output.extended,
        labels=labels if run.several else None,
        summary=Summary(tuple(item.facts for item in run.portraits)),
    )
    if save_grid is not None:
        save_portraits(save_grid, run.portraits)
    if modes is not None:
        mode_labels = run.mode_labels if run.several else None
        entries = Table.of("pseudomodes", ModeEntry, run.modes, labels=mode_labels)
        write_text(modes, entries.render("csv"))
    if output.plot is not None:
        from sinkdiag.report.figures.pseudospectrum import MOST_PANELS, draw

        draw(run.portraits[:MOST_PANELS], output.plot)
        if len(run.portraits) > MOST_PANELS:
            note(f"--plot shows the first {MOST_PANELS} of {len(run.portraits)} pseudospectra")
    emit(table, output)
    for item in run.portraits:
        _say(item)
    return exit_status(table, output, [item.facts.status for item in run.portraits])


def _say(portrait: Portrait) -> None:
    """The verdict; the numbers behind it with -v."""
    from sinkdiag.report.pseudospectrum_lines import pseudospectrum_lines

    first, *rest = pseudospectrum_lines(portrait.facts)
    note(first)
    for line in rest:
        detail(line)
