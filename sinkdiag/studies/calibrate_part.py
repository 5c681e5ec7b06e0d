"""What is known of one case of a calibration, and of all of them beside the rows."""

from __future__ import annotations

import math
import statistics
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.trace import TraceRow
from sinkdiag.studies.calibrate_row import FateRow
from sinkdiag.studies.result import Part

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationPart(Part):
    """The calibration of one matrix, record, or replayed trajectory."""

    @property
    @abstractmethod
    def controller(self) -> AdaptiveCooling | None:
        """The controller to put into a training loop; None without a slope."""

    @property
    @abstractmethod
    def trace(self) -> tuple[TraceRow, ...]:
        """Every step of the held-out replicates at k_safe; without one, plainly."""

    @property
    def fates(self) -> tuple[FateRow, ...]:
        """Every slope on every held-out replicate; none in a replay."""
        return ()

    @property
    def line(self) -> str | None:
        """The controller as a line to paste; None where there is no slope."""
        return None if self.controller is None else repr(self.controller)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict, before the line to paste, if there is one."""
        found = [f"{self.name}: {text}" for text in self.findings]
        return (*found, *([] if self.line is None else [self.line]))

    @abstractmethod
    def figure(self) -> Figure:
        """The picture of the case."""


@dataclass(frozen=True, kw_only=True)
class CalibrationSummary:
    """The line to paste of each part; None where there is no slope."""

    controllers: tuple[str | None, ...]


def digest_of(parts: Sequence[CalibrationPart]) -> tuple[str, ...]:
    """Several calibrations in two sentences: how many of each verdict, and from where to where."""
    rows = [(row, part.name) for part in parts for row in part.rows]
    words = [row.verdict.partition(":")[0] for row, _ in rows]
    counts = ", ".join(f"{word} on {words.count(word)}" for word in dict.fromkeys(words))
    said = [f"{len(rows)} calibrations: {counts}; -v shows each with its controller"]
    found = sorted((row.k_safe, name) for row, name in rows if math.isfinite(row.k_safe))
    if found:
        (low, least), (high, most) = found[0], found[-1]
        said.append(
            f"k_safe from {low:.4g} ({least}) to {high:.4g} ({most}), "
            f"median {statistics.median(k for k, _ in found):.4g}, on {len(found)} of {len(rows)}"
        )
    return tuple(said)
