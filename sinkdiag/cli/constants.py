"""``sinkdiag constants``: the constants of the paper's appendix A.7 along eps."""

from __future__ import annotations

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

# Measured on a 2-core machine with an empty cache.
COMPILE_SECONDS = 10


@click.command(short_help="The constants of the paper's appendix A.7.")
@input_options
@eps_options
@solver_options
@seed_option
@manifest_option
@output_options
def constants(
    inputs: InputOptions,
    temperatures: EpsOptions,
    tol: float,
    max_iter: int,
    seed: int,
    manifest: str | None,
    output: OutputOptions,
) -> int:
    """Follow the recipe of the paper's appendix A.7 on COST, one row a temperature.

    Norm of the plan, smallest eigenvalue of the block operator A, forcing norms on the active
    support S, C1 of Lemma A.9, separation of S, and C0, K_quad, R and tau_max, which bound what
    an annealing step may change. Every claim of the paper is judged on the curve, on standard
    error and in summary.claims of the JSON.

    \b
    Examples:
      sinkdiag constants cost.npy
      sinkdiag constants cost.npy --eps 1:0.01:10 --format json -o constants.json
    """
    from sinkdiag.jacobian.tree import tree_residual
    from sinkdiag.report.table import Label
    from sinkdiag.studies.constants import AUTO_COUNT, ConstantsRow, measure_constants

    check_output(output, ConstantsRow, manifest)
    data = read_inputs(inputs)
    problems = [
        (Label(item.name, index), problem)
        for item in data
        for index, problem in enumerate(item.problems(marginal_kind(inputs)))
    ]
    compiling(COMPILE_SECONDS, tree_residual)
    measured = []
    for label, problem in problems:
        grid = temperature_grid(temperatures, [problem], AUTO_COUNT)
        with progress() as advance:
            result = measure_constants(
                problem, grid, seed=seed, tol=tol, max_iter=max_iter, advance=advance
            )
        measured.append(Measured(problem.name, label, result.rows, [result.curve]))
    write_manifest(
        manifest,
        data,
        marginals=inputs.marginals,
        seed=seed,
        replicates=None,
        tol=tol,
        max_iter=max_iter,
    )
    return report("constants", ConstantsRow, measured, output)
