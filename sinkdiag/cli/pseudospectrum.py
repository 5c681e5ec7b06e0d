"""``sinkdiag pseudospectrum``: resolvent norms on a grid, and what they say."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.limits import check_limits
from sinkdiag.cli.options import (
    InputOptions,
    OutputOptions,
    columns_option,
    eps_options,
    input_options,
    norm_option,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.outputs import check_output, path_of
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.types import Axes, Complex, Shape, positive
from sinkdiag.cli.work import at_work
from sinkdiag.cli.work_options import WorkOptions, work_options

if TYPE_CHECKING:
    from sinkdiag.cli.work import Run
    from sinkdiag.studies.pseudospectrum import PseudospectrumResult, PseudospectrumSettings
    from sinkdiag.studies.subjects import Subject
    from sinkdiag.temperature import Temperatures

# What means nothing without COST, and what means nothing where nothing is computed.
_OF_COSTS = (
    "layout", "score", "marginals", "metric", "eps", "eps_unit", "norm", "iters", "structured",
    "tol", "max_iter",
)  # fmt: skip
_OF_GRIDS = ("grid", "axes", "level", "mode_at", "mode_entries", "save_grid", "seed")


@click.command(cls=Page, short_help="Resolvent norms on a grid, Kreiss constant, powers.")
@functools.partial(input_options, required=False)
@click.option("--matrix", metavar="FILE", help="Any square matrix instead of COST (.npy: complex).")
@click.option("--from-grid", metavar="FILE", help="Report and draw what --save-grid wrote.")
@eps_options
@functools.partial(norm_option, multiple=True)
@click.option(
    "--iters",
    type=click.IntRange(min=1, max=100_000),
    help="The Jacobian of K sweeps, not the fixed point's.",
)
@click.option("--grid", type=Shape(), metavar="N|NxM", help="Points. [default: automatic]")
@click.option("--axes", type=Axes(), metavar="A,B,C,D", help="Re from A to B, Im from C to D.")
@click.option(
    "--level",
    type=positive(),
    multiple=True,
    metavar="V",
    help="Level of a curve ‖(z-J)⁻¹‖ = 1/V; repeatable. [default: automatic]",
)
@click.option(
    "--structured",
    type=positive(),
    metavar="S",
    help="Also: how far cost perturbations of Frobenius norm S (cost units) move eigenvalues.",
)
@click.option("--mode-at", type=Complex(), multiple=True, metavar="Z", help="Pseudo-mode at Z.")
@click.option(
    "--mode-entries", metavar="PATH", help="Write rows and columns of the pseudo-modes (CSV)."
)
@click.option("--save-grid", metavar="PATH", help="Keep everything (.npz) for --from-grid.")
@solver_options
@seed_option
@output_options
@functools.partial(work_options, divisible=True)
@columns_option("sinkdiag.studies.pseudospectrum", "PseudospectrumResult")
def pseudospectrum(
    *,
    inputs: InputOptions,
    matrix: str | None,
    from_grid: str | None,
    temperatures: Temperatures,
    output: OutputOptions,
    working: WorkOptions,
    level: tuple[float, ...],
    mode_at: tuple[complex, ...],
    mode_entries: str | None,
    save_grid: str | None,
    **options: Any,
) -> int:
    """Compute ‖(z-J)⁻¹‖ on a grid of z for the Jacobian of a Sinkhorn sweep on COST.

    One row a point. The summary (on standard error, and in --format json) has pseudospectral
    radii, the Kreiss constant between two bounds, the numerical radius, kappa(V) and ‖J^k‖ with
    bounds. --plot draws one panel for each temperature and norm.

    \b
    Examples:
      sinkdiag pseudospectrum cost.npy --eps 0.05 --plot plane.png -o grid.csv
      sinkdiag pseudospectrum cost.npy --eps 1:0.01:3 --plot strip.pdf --format json -o grid.json
      sinkdiag pseudospectrum cost.npy --eps 0.05 --mode-at 1 --mode-entries rows.csv -o grid.csv
      sinkdiag pseudospectrum --matrix grcar.npy --level 1e-4 --plot grcar.png -o grid.csv
    """
    from sinkdiag.studies.pseudospectrum import (
        PseudospectrumResult,
        PseudospectrumRow,
        PseudospectrumSettings,
    )

    _check_source(inputs, matrix, from_grid)
    if bool(mode_at) != (mode_entries is not None):
        raise click.UsageError("--mode-at and --mode-entries go together")
    files = [path_of(path) for path in (matrix, from_grid) if path is not None]
    check_output(output, PseudospectrumRow, inputs, reads=files, writes=[mode_entries, save_grid])
    # Every option that is not named above is the setting of the same name.
    settings = PseudospectrumSettings(
        **options,
        levels=tuple(sorted(set(level), reverse=True)),
        mode_at=tuple((z.real, z.imag) for z in mode_at),
        extended=output.extended,
    )
    with at_work(
        working,
        PseudospectrumResult,
        inputs=inputs,
        output=output,
        settings=[settings, temperatures],
        beside=[mode_entries, save_grid],
    ) as run:
        subjects = read_subjects(inputs, run.work)
        check_limits("pseudospectrum", subjects, temperatures, settings, inputs, working=working)
        sources = _Sources(subjects=subjects, matrix=matrix, from_grid=from_grid)
        result = sources.study(temperatures, settings, run)
    return publish(
        result,
        output,
        inputs=inputs.reading(*files),
        subjects=subjects,
        settings=settings,
        run=run,
        beside={mode_entries: result.write_modes, save_grid: result.write_grids},
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sources:
    """Costs, a matrix, or a saved grid."""

    subjects: Sequence[Subject]
    matrix: str | None
    from_grid: str | None

    def study(
        self, temperatures: Temperatures, settings: PseudospectrumSettings, run: Run
    ) -> PseudospectrumResult:
        """The study of whichever was given."""
        from sinkdiag.load.matrices import load_matrix
        from sinkdiag.rendering.saved_grids import load_grids
        from sinkdiag.studies.pseudospectrum import (
            saved_pseudospectra,
            study_matrix,
            study_pseudospectrum,
        )

        if self.from_grid is not None:
            return saved_pseudospectra(load_grids(self.from_grid), extended=settings.extended)
        if self.matrix is not None:
            return study_matrix(load_matrix(self.matrix), self.matrix, settings, run.progress)
        return study_pseudospectrum(
            self.subjects, temperatures, settings, run.progress, work=run.work
        )


def _check_source(inputs: InputOptions, matrix: str | None, from_grid: str | None) -> None:
    """Exactly one source, and no option that it would ignore."""
    chosen = [bool(inputs.files), matrix is not None, from_grid is not None]
    if sum(chosen) != 1:
        raise click.UsageError("give exactly one of COST, --matrix and --from-grid")
    if matrix == "-":
        raise click.UsageError("--matrix takes a file, not standard input")
    ignored = () if inputs.files else _given(_OF_COSTS)
    if matrix is not None and ignored:
        raise click.UsageError(f"--matrix: {', '.join(ignored)} need COST")
    if from_grid is not None and (ignored := (*ignored, *_given(_OF_GRIDS))):
        raise click.UsageError(f"--from-grid computes nothing: drop {', '.join(ignored)}")


def _given(names: Sequence[str]) -> tuple[str, ...]:
    """Those of the options that stand on the command line, as they are written there."""
    context = click.get_current_context()
    return tuple(
        parameter.opts[-1]
        for parameter in context.command.params
        if parameter.name in names
        and context.get_parameter_source(parameter.name) is not ParameterSource.DEFAULT
    )
