"""The claims' verdicts: on standard error, in the summary, and in the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sinkdiag.cli.say import note

if TYPE_CHECKING:
    from sinkdiag.diagnose.claims import Verdicts


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
