"""Summaries in words, line by line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinkdiag.studies.portrait import Facts


def pseudospectrum_lines(facts: Facts) -> list[str]:
    """The verdict, then the numbers behind it."""
    at = "" if math.isnan(facts.eps) else f", eps {facts.eps:.4g}"
    sweeps = f", K = {facts.iters}" if facts.iters else ""
    head = f"{facts.source}{at}, {facts.norm} norm{sweeps}"
    lines = [f"{head}: {facts.verdict}"]
    if not facts.points or math.isnan(facts.kappa_V):
        return lines
    lines += [
        f"  level {r.level:.3g}: pseudospectral radius {r.lower:.8g} at {r.point[0]:.6g}"
        f"{r.point[1]:+.6g}i (below {r.upper:.8g}, {r.status})"
        for r in facts.radii
    ]
    lines.append(
        f"  kappa(V) {facts.kappa_V:.6g}; numerical radius {facts.numerical_radius:.8g}; "
        f"Kreiss constant {facts.kreiss.lower:.6g} to {facts.kreiss.upper:.6g}; largest power "
        f"norm {facts.transient_peak:.6g}"
    )
    lines += [
        f"  eigenvalue {s.index} = {s.eigenvalue:.6g} moves within [{s.low:.6g}, {s.high:.6g}] "
        f"(first order) for cost changes of norm {facts.structured_size:.4g}; attained "
        f"[{s.attained_low:.6g}, {s.attained_high:.6g}]"
        for s in facts.structured
    ]
    return lines
