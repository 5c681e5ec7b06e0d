"""``sinkdiag constants``: the constants of the paper's appendix A.7 along eps."""

from __future__ import annotations

import click

from sinkdiag.cli.emit import check_output, emit, exit_status, report_failures
from sinkdiag.cli.inputs import marginal_kind, read_inputs, temperature_grid
from sinkdiag.cli.manifest import manifest_option, write_manifest
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
from sinkdiag.cli.say import compiling, progress
from sinkdiag.cli.verdicts import draw, say

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
    from sinkdiag.diagnose.claims import verdicts_of
    from sinkdiag.diagnose.constants import AUTO_COUNT, ConstantsRow, measure_constants
    from sinkdiag.linearize.tree import tree_residual
    from sinkdiag.report.table import Label, Table

    check_output(output, ConstantsRow, manifest)
    data = read_inputs(inputs)
    problems = [
        (Label(item.name, index), problem)
        for item in data
        for index, problem in enumerate(item.problems(marginal_kind(inputs)))
    ]
    compiling(COMPILE_SECONDS, tree_residual)
    results = []
    for _, problem in problems:
        grid = temperature_grid(temperatures, [problem], AUTO_COUNT)
        with progress() as advance:
            results.append(
                measure_constants(
                    problem, grid, seed=seed, tol=tol, max_iter=max_iter, advance=advance
                )
            )
    found = [
        verdicts_of(problem.name, [result.curve])
        for (_, problem), result in zip(problems, results, strict=True)
    ]
    labels = [
        label for (label, _), result in zip(problems, results, strict=True) for _ in result.rows
    ]
    table = Table.of(
        "constants",
        ConstantsRow,
        [row for result in results for row in result.rows],
        extended=output.extended,
        labels=labels if len(problems) > 1 else None,
        summary={
            "claims": [claim for verdicts in found for claim in verdicts.claims],
            "freeze": [verdicts.freeze for verdicts in found],
        },
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
    emit(table, output)
    if output.plot is not None:
        draw(found, output.plot)
    say(found)
    statuses = [row.status for result in results for row in result.rows]
    report_failures(statuses)
    return exit_status(table, output, statuses)
