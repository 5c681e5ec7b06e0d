"""What is known of one case of a calibration, and of all of them beside the rows."""

from __future__ import annotations

from abc import abstractmethod
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

    @abstractmethod
    def figure(self) -> Figure:
        """The picture of the case."""


@dataclass(frozen=True, kw_only=True)
class CalibrationSummary:
    """The line to paste of each part; None where there is no slope."""

    controllers: tuple[str | None, ...]
