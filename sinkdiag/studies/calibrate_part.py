"""What is known of one case, and of all of them beside the rows."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.annealing.calibration import Calibration
from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.trace import TraceRow, trace_calibration
from sinkdiag.annealing.window import Window
from sinkdiag.studies.result import Part


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationPart(Part):
    """The calibration of one matrix, or of one trajectory as a whole."""

    calibration: Calibration

    @property
    def controller(self) -> AdaptiveCooling | None:
        """The controller to put into a training loop; None without a window."""
        return self.calibration.controller

    @property
    def window(self) -> Window:
        """k_low, k_high, and the bracket of every run; empty where nothing collapsed."""
        return self.calibration.window

    @property
    def trace(self) -> tuple[TraceRow, ...]:
        """Every step of the data and the held-out replicates at k_safe; without one, plainly."""
        return trace_calibration(self.calibration)


@dataclass(frozen=True, kw_only=True)
class CalibrationSummary:
    """The line to paste of each part; None where there is no window."""

    controllers: tuple[str | None, ...]
