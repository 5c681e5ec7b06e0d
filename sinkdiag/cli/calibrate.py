"""``sinkdiag calibrate``: the safety slope of an annealing controller, measured."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.emit import check_output, emit, exit_status
from sinkdiag.cli.inputs import marginal_kind, read_inputs, scaled
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

if TYPE_CHECKING:
    from sinkdiag.annealing.calibration import Calibration, CalibrationSettings
    from sinkdiag.load import CostData
    from sinkdiag.report.table import Label


# Measured on a 2-core machine with an empty cache.
COMPILE_SECONDS = 8


@click.command(short_help="The safety slope of an annealing controller, measured.")
@input_options
@eps_options
@click.option(
    "--iters",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Sweeps of the layer at every step (K).",
)
@click.option(
    "--alpha0",
    type=Positive(below=1.0),
    default=None,
    help="Cooling factor of one step. [default: the gentlest that collapses]",
)
@click.option(
    "--beta",
    type=click.FloatRange(0.0, 1.0),
    default=1.0,
    show_default=True,
    help="Load at which braking begins; 1: cool or hold.",
)
@click.option(
    "--max-steps",
    type=click.IntRange(min=2),
    default=500,
    show_default=True,
    help="Step budget of a run.",
)
@click.option(
    "--replicates",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Held-out replicates of phase II.",
)
@click.option(
    "--noise",
    type=Positive(zero=True),
    default=0.01,
    show_default=True,
    help="Noise of a matrix's replicates, relative to the costs' standard deviation.",
)
@click.option(
    "--noise-decay",
    type=Positive(below=1.0, zero=True),
    default=0.9,
    show_default=True,
    help="Factor on the noise at every step (features mature).",
)
@click.option(
    "--collapse-tv",
    type=Positive(below=1.0),
    default=0.1,
    show_default=True,
    help="Total variation from the fixed point that counts as collapse.",
)
@click.option("--cold", is_flag=True, help="The layer starts every step from zero potentials.")
@functools.partial(solver_options, tol=1e-9)
@seed_option
@manifest_option
@click.option("--trace", metavar="PATH", help="Write every step of every replicate to this file.")
@output_options
def calibrate(
    inputs: InputOptions,
    temperatures: EpsOptions,
    iters: int,
    alpha0: float | None,
    beta: float,
    max_steps: int,
    replicates: int,
    noise: float,
    noise_decay: float,
    collapse_tv: float,
    cold: bool,
    tol: float,
    max_iter: int,
    seed: int,
    manifest: str | None,
    trace: str | None,
    output: OutputOptions,
) -> int:
    """Measure how hard an EPH-ASC controller may cool COST before the layer collapses.

    Phase I cools ever harder, then with ever fewer sweeps, until the plain schedule loses its
    fixed point. Phase II replays the controller on held-out replicates and brackets the slopes
    k (cool while drift <= k·eps) that arrive within the step budget and do not collapse.
    Annealing goes from the highest --eps to the lowest (one value: the lowest).

    One row a matrix; a trajectory (--layout trajectory) is replayed as it is and gives one row.
    The verdict opens with window:, empty:, no collapse provoked: or below resolution:.

    \b
    Examples:
      sinkdiag calibrate cost.npy
      sinkdiag calibrate costs.npy --layout trajectory --eps 1:0.01:2 --plot run.png
    """
    from sinkdiag.annealing.calibration import CalibrationRow, CalibrationSettings
    from sinkdiag.annealing.kernels import track_step
    from sinkdiag.report.table import Label, Table

    if math.isnan(beta):
        raise click.UsageError("--beta nan is not in [0, 1]")
    check_output(output, CalibrationRow, trace, manifest)
    base = CalibrationSettings(
        1.0, 0.5, iters, beta, alpha0, replicates, noise, noise_decay, max_steps, collapse_tv,
        cold, seed, tol, max_iter,
    )  # fmt: skip
    data = read_inputs(inputs)
    compiling(COMPILE_SECONDS, track_step)
    results: list[Calibration] = []
    labels: list[Label] = []
    for item in data:
        found = _of_input(item, base, inputs, temperatures)
        results += found
        labels += [Label(item.name, index) for index in range(len(found))]
    table = Table.of(
        "calibrate",
        CalibrationRow,
        [result.row for result in results],
        extended=output.extended,
        labels=labels if len(results) > 1 else None,
    )
    write_manifest(
        manifest,
        data,
        marginals=inputs.marginals,
        seed=seed,
        replicates=replicates,
        tol=tol,
        max_iter=max_iter,
    )
    if trace is not None:
        _write_trace(trace, results, labels)
    emit(table, output)
    if output.plot is not None:
        _draw(results[0], output.plot)
        if len(results) > 1:
            note(f"--plot shows the first of {len(results)} matrices, {results[0].problem.name}")
    for result in results:
        _say(result)
    return exit_status(table, output, [result.row.status for result in results])


def _of_input(
    data: CostData, base: CalibrationSettings, inputs: InputOptions, eps: EpsOptions
) -> list[Calibration]:
    """One calibration for each matrix, or one for a trajectory."""
    from dataclasses import replace

    from sinkdiag.studies.calibrate import calibrate_problem
    from sinkdiag.temperature import annealing_range

    problems = data.problems(marginal_kind(inputs))
    is_trajectory = data.layout == "trajectory"
    groups = [problems] if is_trajectory else [[problem] for problem in problems]
    results = []
    for group in groups:
        eps_start, eps_min = annealing_range(scaled(eps, group), group)
        settings = replace(base, eps_start=eps_start, eps_min=eps_min)
        trajectory = data.stack if is_trajectory else None
        with progress() as advance:
            results.append(calibrate_problem(group[0], settings, trajectory, advance))
    return results


def _draw(result: Calibration, path: str) -> None:
    """The first held-out replicate under both schedules (a trajectory: the record itself)."""
    from sinkdiag.annealing.trace import trace_replicate
    from sinkdiag.report.figures.calibrate import draw

    replicate = 0 if result.streams[0].length is not None else 1
    stream = result.streams[replicate]
    plain = trace_replicate(result, stream, replicate, plain=True)
    controller = (
        trace_replicate(result, stream, replicate, plain=False)
        if result.controller is not None
        else []
    )
    draw(result.row, result.problem.name, controller, plain, result.settings.collapse_tv, path)


def _write_trace(path: str, results: list[Calibration], labels: list[Label]) -> None:
    from sinkdiag.annealing.trace import TraceRow, trace_calibration
    from sinkdiag.report.files import write_text
    from sinkdiag.report.table import Table

    rows: list[TraceRow] = []
    row_labels: list[Label] = []
    for result, label in zip(results, labels, strict=True):
        found = trace_calibration(result)
        rows += found
        row_labels += [label] * len(found)
    table = Table.of("trace", TraceRow, rows, labels=row_labels if len(results) > 1 else None)
    write_text(path, table.render("csv"))


def _say(result: Calibration) -> None:
    """The verdict and, with a window, one line to paste."""
    note(f"{result.problem.name}: {result.row.verdict}")
    detail(
        f"layer: K = {result.row.iters} sweeps, eps {result.row.eps_start:g} to "
        f"{result.row.eps_min:g}; k_theory and R at eps_collapse (nan: no collapse, or unresolved)"
    )
    if result.controller is not None:
        note(repr(result.controller))
