"""Two networks, or two ways to run one, site by site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.checkpoints.activations import mixed_by
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.studies.stack_row import DifferenceRow
from sinkdiag.studies.stack_site import MeasuredSite

# Entries that differ by less are the same, in float32 after 40 divisions.
SAME = 1e-6
# How much closer a transpose has to be.
_CLOSER = 0.1


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changes from the one to the other.

    Attributes
    ----------
    name, implementation:
        Of the other one.
    same, transposed, different:
        Numbers of sites; ``transposed`` with those that nearly are.
    only_here, only_there:
        Keys of sites that the other one lacks, and that it has alone.
    worst_key, worst_distance:
        Where the mixers differ most, and by how much.
    """

    name: str
    implementation: str
    same: int
    transposed: int
    different: int
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    worst_key: str
    worst_distance: float

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        compared = self.same + self.transposed + self.different
        words = f"against {self.name} ({self.implementation}): {self.same} of {compared} sites same"
        if self.transposed:
            words += (
                f", {self.transposed} transposed: streams are mixed by the transpose, which no sum "
                "of rows or columns shows"
            )
        if self.different:
            words += f", {self.different} different"
        if self.same < compared:
            words += f"; most at {self.worst_key}, by {self.worst_distance:.3g}"
        if self.only_here or self.only_there:
            words += (
                f"; {len(self.only_here)} sites are only in the first, {len(self.only_there)} only "
                "in the second"
            )
        return words


def differences(
    here: Sequence[MeasuredSite], there: Sequence[MeasuredSite], loops: tuple[Loop, Loop]
) -> tuple[DifferenceRow, ...]:
    """One row for each site that both have, by key; by order where no key is in both."""
    pairs = _paired(here, there)
    return tuple(_difference(one, other, loops) for one, other in pairs)


def compare(
    rows: Sequence[DifferenceRow],
    here: Sequence[MeasuredSite],
    there: Sequence[MeasuredSite],
    *,
    name: str,
    implementation: str,
) -> Comparison:
    """The rows in numbers; ``name`` and ``implementation`` are the other one's."""
    pairs = _paired(here, there)
    taken_here = {one.row.key for one, _ in pairs}
    taken_there = {other.row.key for _, other in pairs}
    found = [row.finding for row in rows]
    worst = max(rows, key=lambda row: np.nan_to_num(row.mixer_distance, nan=np.inf), default=None)
    return Comparison(
        name=name,
        implementation=implementation,
        same=found.count("same"),
        transposed=found.count("transposed") + found.count("nearly transposed"),
        different=found.count("different"),
        only_here=tuple(one.row.key for one in here if one.row.key not in taken_here),
        only_there=tuple(other.row.key for other in there if other.row.key not in taken_there),
        worst_key=worst.key if worst is not None else "",
        worst_distance=worst.mixer_distance if worst is not None else math.nan,
    )


def _paired(
    here: Sequence[MeasuredSite], there: Sequence[MeasuredSite]
) -> list[tuple[MeasuredSite, MeasuredSite]]:
    others = {other.row.key: other for other in there}
    if any(one.row.key in others for one in here):
        return [(one, others[one.row.key]) for one in here if one.row.key in others]
    return list(zip(here, there, strict=False))


def _difference(one: MeasuredSite, other: MeasuredSite, loops: tuple[Loop, Loop]) -> DifferenceRow:
    mixers = [
        mixed_by(measured.matrix, loop) for measured, loop in zip((one, other), loops, strict=True)
    ]
    alike = one.matrix.shape == other.matrix.shape
    straight = float(np.abs(mixers[0] - mixers[1]).max()) if alike else math.nan
    turned = float(np.abs(mixers[0] - mixers[1].T).max()) if alike else math.nan
    logits = float(np.abs(one.site.logits - other.site.logits).max()) if alike else math.nan
    return DifferenceRow(
        layer=one.row.layer,
        site=one.row.site,
        logit_distance=logits,
        mixer_distance=straight,
        transpose_distance=turned,
        sigma_2=one.row.sigma_2,
        sigma_2_against=other.row.sigma_2,
        line_error=max(one.row.row_error, one.row.col_error),
        line_error_against=max(other.row.row_error, other.row.col_error),
        verdict=one.row.verdict,
        verdict_against=other.row.verdict,
        finding=_finding(straight, turned),
        key=one.row.key,
    )


def _finding(straight: float, turned: float) -> str:
    if straight <= SAME:
        return "same"
    if turned <= SAME:
        return "transposed"
    return "nearly transposed" if turned <= _CLOSER * straight else "different"
