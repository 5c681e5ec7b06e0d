"""``sinkdiag spectrum``: eigenvalues, gap and conditioning of the sweep's Jacobian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from sinkdiag.cli.emit import check_output, emit, exit_status
from sinkdiag.cli.inputs import marginal_kind, read_inputs, temperature_grid
from sinkdiag.cli.manifest import manifest_option, write_manifest
from sinkdiag.cli.messages import compiling, note, progress
from sinkdiag.cli.options import (
    EpsOptions,
    InputOptions,
    OutputOptions,
    eps_options,
    input_options,
    norm_option,
    output_options,
    seed_option,
    solver_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinkdiag.jacobian.modes import Norm
    from sinkdiag.problem import Problem
    from sinkdiag.report.table import Label
    from sinkdiag.studies.spectrum import SpectrumPoint, SpectrumSettings

# Solver and dispersion kernels, on two cores.
COMPILE_SECONDS = 5


@click.command(short_help="Eigenvalues, gap and conditioning of the sweep's Jacobian.")
@input_options
@eps_options
@norm_option
@solver_options
@click.option(
    "--iters",
    type=click.IntRange(min=1),
    default=None,
    help="Sweeps of the layer (K): adds the extended columns on K truncated sweeps from a cold "
    "start. [default: 20 where it is needed]",
)
@click.option(
    "--modes",
    type=click.IntRange(min=1),
    default=None,
    help="Only the leading modes, by Lanczos. [default: all; 6 beyond 3000 columns]",
)
@click.option("--eigenvalues", metavar="PATH", help="Write every eigenvalue to this CSV file.")
@click.option(
    "--dump",
    metavar="PATH",
    help="Write plan, potentials, support, Schur complement and modes to this .npz file.",
)
@seed_option
@manifest_option
@output_options
def spectrum(
    inputs: InputOptions,
    temperatures: EpsOptions,
    norm: Norm,
    tol: float,
    max_iter: int,
    iters: int | None,
    modes: int | None,
    eigenvalues: str | None,
    dump: str | None,
    seed: int,
    manifest: str | None,
    output: OutputOptions,
) -> int:
    """Linearise one Sinkhorn sweep at the fixed point of COST and report its spectrum.

    J = diag(1/c) P' diag(1/r) P on the potentials g modulo constants. One row a temperature:
    rho and gap = 1 - rho (to full relative accuracy, however small), the resolvent norm at 1,
    the conditioning of the eigenvectors and the largest norm of a power, in the norm of --norm.

    \b
    Examples:
      sinkdiag spectrum cost.npy
      sinkdiag spectrum cost.npy --eps 1:0.01:10 --iters 20 --plot spectrum.png
    """
    from dataclasses import replace

    from sinkdiag.jacobian.dispersion import dispersion
    from sinkdiag.report.table import Label, Table
    from sinkdiag.studies.spectrum import AUTO_COUNT, SpectrumRow, SpectrumSettings
    from sinkdiag.studies.spectrum_findings import summarise

    output = replace(output, extended=output.extended or iters is not None)
    check_output(output, SpectrumRow, eigenvalues, dump, manifest)
    settings = SpectrumSettings(
        norm, tol, max_iter, iters or 20, modes, extended=output.extended, seed=seed
    )
    groups: list[tuple[Label, Problem]] = []
    data = read_inputs(inputs)
    for item in data:
        problems = item.problems(marginal_kind(inputs))
        groups += [(Label(item.name, index), each) for index, each in enumerate(problems)]
    if dump is not None and len(groups) > 1:
        raise click.UsageError(f"--dump takes one matrix, and there are {len(groups)}")
    compiling(COMPILE_SECONDS, dispersion)
    keep = dump is not None
    results = [
        _run(problem, temperature_grid(temperatures, [problem], AUTO_COUNT), settings, keep)
        for _, problem in groups
    ]
    labels = [label for label, _ in groups]
    summaries = [summarise([point.row for point in points]) for points in results]
    table = Table.of(
        "spectrum",
        SpectrumRow,
        [point.row for points in results for point in points],
        extended=output.extended,
        labels=_repeat(labels, results) if len(groups) > 1 else None,
        summary=summaries[0] if len(groups) == 1 else summaries,
    )
    write_manifest(
        manifest,
        data,
        marginals=inputs.marginals,
        seed=seed,
        replicates=None,
        tol=tol,
        max_iter=max_iter,
    )
    if eigenvalues is not None:
        _write_eigenvalues(eigenvalues, results, labels)
    if dump is not None:
        _write_dump(dump, results[0])
    emit(table, output)
    if output.plot is not None and all(math.isnan(point.row.gap) for point in results[0]):
        note(f"{groups[0][1].name}: no figure, because no gap is resolved")
    elif output.plot is not None:
        from sinkdiag.report.figures.spectrum import draw

        draw(results[0], summaries[0], groups[0][1].name, output.plot)
        if len(groups) > 1:
            note(f"--plot shows the first of {len(groups)} matrices, {groups[0][1].name}")
    for (_, problem), summary in zip(groups, summaries, strict=True):
        for finding in summary.findings:
            note(f"{problem.name}: {finding}")
    return exit_status(table, output, [point.row.status for points in results for point in points])


def _run(
    problem: Problem, temperatures: Sequence[float], settings: SpectrumSettings, keep: bool
) -> list[SpectrumPoint]:
    """Every temperature of one matrix; plans are dropped as it goes unless they are kept."""
    from sinkdiag.studies.spectrum import spectra

    points: list[SpectrumPoint] = []
    with progress() as advance:
        advance("spectrum", 0, len(temperatures))
        for point in spectra(problem, temperatures, settings):
            points.append(point if keep else point.light())
            advance("spectrum", len(points), len(temperatures))
    return points


def _repeat(labels: Sequence[Label], results: Sequence[Sequence[object]]) -> list[Label]:
    return [label for label, rows in zip(labels, results, strict=True) for _ in rows]


def _write_eigenvalues(
    path: str, results: Sequence[Sequence[SpectrumPoint]], labels: Sequence[Label]
) -> None:
    from sinkdiag.report.files import write_text
    from sinkdiag.report.table import Table
    from sinkdiag.studies.spectrum import EigenvalueRow

    rows = [[row for point in points for row in point.eigenvalues] for points in results]
    flat = [row for part in rows for row in part]
    table = Table.of("eigenvalues", EigenvalueRow, flat)
    if len(results) > 1:
        # Not `index`: that is the eigenvalue's own number here.
        names = ("source", "matrix", *table.columns)
        records = [
            (label.source, label.index, *record)
            for label, record in zip(_repeat(labels, rows), table.records, strict=True)
        ]
        table = Table("eigenvalues", names, tuple(records))
    write_text(path, table.render("csv"))


def _write_dump(path: str, points: Sequence[SpectrumPoint]) -> None:
    import numpy as np

    from sinkdiag.report.files import write_with
    from sinkdiag.studies.spectrum import dump_arrays

    arrays = dump_arrays(points)
    write_with(path, lambda stream: np.savez_compressed(stream, **arrays))
