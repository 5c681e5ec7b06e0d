"""``sinkdiag sensitivity``: derivatives of the plan along eps, and the claims about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sinkdiag.cli.emit import check_output
from sinkdiag.cli.inputs import marginal_kind, read_inputs, temperature_grid
from sinkdiag.cli.manifest import manifest_option, write_manifest
from sinkdiag.cli.messages import compiling, progress
from sinkdiag.cli.options import (
    EpsOptions,
    InputOptions,
    OutputOptions,
    eps_options,
    input_options,
    output_options,
    seed_option,
    solver_options,
)
from sinkdiag.cli.verdicts import Measured, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinkdiag.load import CostData
    from sinkdiag.problem import Problem
    from sinkdiag.report.table import Label

# Measured on a 2-core machine with an empty cache.
COMPILE_SECONDS = 10


@click.command(short_help="Derivatives of the plan in cost and temperature, and the claims.")
@input_options
@eps_options
@click.option(
    "--replicates",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Jittered copies for rho_mean and rho_std (a batch is its own replicates).",
)
@solver_options
@seed_option
@manifest_option
@output_options
def sensitivity(
    inputs: InputOptions,
    temperatures: EpsOptions,
    replicates: int,
    tol: float,
    max_iter: int,
    seed: int,
    manifest: str | None,
    output: OutputOptions,
) -> int:
    """Measure how the plan of COST answers to the cost and to the temperature.

    One row a temperature with the eight columns of the paper's appendix A.9: ‖dP/dC‖, the norm of
    dP/deps, the same times eps, eps²·‖D²S‖ (a lower estimate), and the sweep's rate rho over
    replicates. Every claim of the paper is judged on the curve, on standard error and in
    summary.claims of the JSON.

    \b
    Examples:
      sinkdiag sensitivity cost.npy
      sinkdiag sensitivity costs.npy --layout batch --eps 1:0.005:25 --plot scaling.png
    """
    from sinkdiag.jacobian.tree import tree_residual
    from sinkdiag.studies.sensitivity import AUTO_COUNT, SensitivityRow, measure_sensitivity

    check_output(output, SensitivityRow, manifest)
    data = read_inputs(inputs)
    groups = [group for item in data for group in _groups(item, inputs)]
    compiling(COMPILE_SECONDS, tree_residual)
    measured = []
    for name, label, problems in groups:
        grid = temperature_grid(temperatures, problems, AUTO_COUNT)
        with progress() as advance:
            result = measure_sensitivity(
                problems,
                grid,
                replicates=replicates,
                seed=seed,
                tol=tol,
                max_iter=max_iter,
                extended=output.extended,
                advance=advance,
            )
        measured.append(Measured(name, label, result.rows, result.curves))
    write_manifest(
        manifest,
        data,
        marginals=inputs.marginals,
        seed=seed,
        replicates=replicates,
        tol=tol,
        max_iter=max_iter,
    )
    return report("sensitivity", SensitivityRow, measured, output)


def _groups(data: CostData, inputs: InputOptions) -> list[tuple[str, Label, Sequence[Problem]]]:
    """A batch is one group of replicates; otherwise every matrix stands alone."""
    from sinkdiag.report.table import Label

    problems = data.problems(marginal_kind(inputs))
    if data.layout == "batch":
        return [(data.name, Label(data.name, 0), problems)]
    return [
        (problem.name, Label(data.name, index), [problem]) for index, problem in enumerate(problems)
    ]
