"""What `sensitivity` and `constants` have in common: curves, and the claims judged on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.claims.claim import Claim
from sinkdiag.claims.freeze_law import LAYER_SWEEPS, FreezeLaw
from sinkdiag.claims.judge import Verdicts, verdicts_of
from sinkdiag.derivatives.response import Response
from sinkdiag.jacobian.freeze import LARGEST_SIZE, freeze_temperature
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.subjects import Case

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class ClaimsSummary:
    """The claims about all matrices, one after another, and the freeze law of each."""

    claims: tuple[Claim, ...]
    freeze: tuple[FreezeLaw, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedPart(Part):
    """One matrix or batch.

    Attributes
    ----------
    curves:
        For each of its matrices the responses along eps, warmest first.
    verdicts:
        The claims judged on their mean, with that curve and the law by which its gap closes.
    """

    curves: tuple[tuple[Response, ...], ...]
    verdicts: Verdicts


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedResult(Result[JudgedPart]):
    """Rows along eps of one or several matrices, and the verdicts on the paper's claims."""

    @property
    def summary(self) -> ClaimsSummary:
        """All claims and freeze laws."""
        found = [part.verdicts for part in self.parts]
        return ClaimsSummary(
            claims=tuple(claim for verdicts in found for claim in verdicts.claims),
            freeze=tuple(verdicts.freeze for verdicts in found),
        )

    @property
    def verdicts(self) -> tuple[Verdicts, ...]:
        """One a matrix or batch; `Verdicts.claim` looks a claim up by its key."""
        return tuple(part.verdicts for part in self.parts)

    def figure(self) -> Figure:
        """The derivatives of the first matrix against the claimed power laws."""
        from sinkdiag.report.figures.scaling import scaling_figure

        return scaling_figure(self.parts[0].verdicts)


def verdicts_on(case: Case, curves: Sequence[Sequence[Response]]) -> Verdicts:
    """Judge the curves of a case, with the freeze temperature of its warmest matrix."""
    found = [
        freeze_temperature(problem, LAYER_SWEEPS)
        for problem in case.problems
        if problem.cost.size <= LARGEST_SIZE
    ]
    eps_freeze = max((eps for eps in found if math.isfinite(eps)), default=math.nan)
    return verdicts_of(case.name, curves, case.problems, eps_freeze)


def findings_of(verdicts: Verdicts) -> tuple[str, ...]:
    """One sentence a claim, and one each for the exponential law and the freeze temperature."""
    said = [
        f"{claim.claim} ({claim.source}): {claim.verdict}; {claim.sentence}"
        for claim in verdicts.claims
    ]
    freeze = verdicts.freeze
    if math.isfinite(freeze.delta):
        said.append(
            f"gap ~ exp(-Δ/eps), Δ = {freeze.delta:.6g} cost units "
            f"(local values {freeze.delta_low:.6g} to {freeze.delta_high:.6g})"
        )
    if math.isfinite(freeze.eps_freeze):
        said.append(
            f"from eps = {freeze.eps_freeze:.4g} down {freeze.iters} sweeps "
            "reduce the error by less than a factor 10"
        )
    return tuple(said)
