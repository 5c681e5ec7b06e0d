"""Rows along eps and the claims' verdicts on them: table, summary, figure and standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.cli.emit import emit, exit_status, report_failures
from sinkdiag.cli.messages import note

if TYPE_CHECKING:
    from sinkdiag.claims.laws import Verdicts
    from sinkdiag.cli.options import OutputOptions
    from sinkdiag.derivatives.response import Response
    from sinkdiag.report.table import Label
    from sinkdiag.studies.constants import ConstantsRow
    from sinkdiag.studies.sensitivity import SensitivityRow


@dataclass(frozen=True, eq=False)
class Measured:
    """The rows of one matrix or batch, and the responses on which the claims are judged."""

    name: str
    label: Label
    rows: Sequence[SensitivityRow] | Sequence[ConstantsRow]
    curves: Sequence[Sequence[Response]]


def report(
    command: str,
    row_type: type[SensitivityRow] | type[ConstantsRow],
    measured: Sequence[Measured],
    output: OutputOptions,
) -> int:
    """Judge, write, draw and say; the exit status."""
    from sinkdiag.claims.laws import verdicts_of
    from sinkdiag.report.table import Table

    found = [verdicts_of(item.name, item.curves) for item in measured]
    labels = [item.label for item in measured for _ in item.rows]
    table = Table.of(
        command,
        row_type,
        [row for item in measured for row in item.rows],
        extended=output.extended,
        labels=labels if len(measured) > 1 else None,
        summary={
            "claims": [claim for verdicts in found for claim in verdicts.claims],
            "freeze": [verdicts.freeze for verdicts in found],
        },
    )
    emit(table, output)
    if output.plot is not None:
        draw(found, output.plot)
    say(found)
    statuses = [row.status for item in measured for row in item.rows]
    report_failures(statuses)
    return exit_status(table, output, statuses)


def say(found: Sequence[Verdicts]) -> None:
    """One line a claim, and one for the exponential law."""
    import math

    for verdicts in found:
        for claim in verdicts.claims:
            judged = f"{claim.claim} ({claim.source}): {claim.verdict}; {claim.sentence}"
            note(f"{verdicts.name}: {judged}")
        freeze = verdicts.freeze
        if math.isfinite(freeze.delta):
            note(
                f"{verdicts.name}: gap ~ exp(-Δ/eps), Δ = {freeze.delta:.6g} cost units "
                f"(local values {freeze.delta_low:.6g} to {freeze.delta_high:.6g})"
            )
        if math.isfinite(freeze.eps_freeze):
            note(
                f"{verdicts.name}: from eps = {freeze.eps_freeze:.4g} down {freeze.iters} sweeps "
                "reduce the error by less than a factor 10"
            )


def draw(found: Sequence[Verdicts], path: str) -> None:
    """The scaling figure of the first matrix."""
    from sinkdiag.report.figures.scaling import draw as draw_scaling

    curve = found[0].curve
    if not all((values > 0).any() for values in (curve.op_norm, curve.dS_de, curve.gap)):
        note(f"{found[0].name}: no figure, because nothing on the curve is resolved and above 0")
        return
    draw_scaling(found[0], path)
    if len(found) > 1:
        note(f"--plot shows the first of {len(found)} matrices, {found[0].name}")
