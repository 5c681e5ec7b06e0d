"""What a pseudospectrum says in sentences: how it is called, and the numbers behind its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sinkdiag.resolvent.pseudospectrum import PseudospectrumSummary


def name_of(summary: PseudospectrumSummary) -> str:
    """How sentences call it: source, temperature, norm and sweeps."""
    at = "" if math.isnan(summary.eps) else f", eps {summary.eps:.4g}"
    sweeps = f", K = {summary.iters}" if summary.iters else ""
    return f"{summary.source}{at}, {summary.norm} norm{sweeps}"


def digest_of(summaries: Sequence[PseudospectrumSummary]) -> tuple[str, ...]:
    """Many pseudospectra: the largest kappa(V) and Kreiss constant, and how many failed."""
    known = [found for found in summaries if not math.isnan(found.kappa_V)]
    said = []
    if known:
        worst = max(known, key=lambda found: found.kappa_V)
        said.append(
            f"{len(summaries)} pseudospectra: kappa(V) is at most {worst.kappa_V:.3g} "
            f"({name_of(worst)})"
        )
        high = max(known, key=lambda found: found.kreiss.lower)
        said.append(f"the Kreiss constant reaches {high.kreiss.lower:.4g} ({name_of(high)})")
    failed = [found for found in summaries if found.status.failed]
    if failed:
        said.append(
            f"{len(failed)} of {len(summaries)} are {failed[0].status}, first "
            f"{name_of(failed[0])}: {failed[0].verdict}"
        )
    return tuple(said)


def details_of(summary: PseudospectrumSummary) -> tuple[str, ...]:
    """The numbers behind the verdict, a sentence each; none where the norm is not resolved."""
    if math.isnan(summary.kappa_V):
        return ()
    name = name_of(summary)
    radii = [
        f"{name}: level {r.level:.3g}: pseudospectral radius {r.lower:.8g} at {r.point[0]:.6g}"
        f"{r.point[1]:+.6g}i (below {r.upper:.8g}, {r.status})"
        for r in summary.radii
    ]
    least = "" if summary.transient_peak_bound == "exact" else "at least "
    constants = (
        f"{name}: kappa(V) {summary.kappa_V:.6g}; numerical radius {summary.numerical_radius:.8g}; "
        f"Kreiss constant {summary.kreiss.lower:.6g} to {summary.kreiss.upper:.6g}; largest power "
        f"norm {least}{summary.transient_peak:.6g} at k = {summary.transient_peak_at}"
    )
    shifts = [
        f"{name}: eigenvalue {s.index} = {s.eigenvalue:.6g} moves within [{s.low:.6g}, "
        f"{s.high:.6g}] (first order) for cost changes of norm {summary.structured_size:.4g}; "
        f"attained [{s.attained_low:.6g}, {s.attained_high:.6g}]"
        for s in summary.structured
    ]
    return (*radii, constants, *shifts)
