"""What a calibration returns: rows, controllers, windows, traces and the figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

from sinkdiag.annealing.calibration import Calibration
from sinkdiag.annealing.controller import AdaptiveCooling
from sinkdiag.annealing.trace import TraceRow, trace_calibration, trace_replicate
from sinkdiag.annealing.window import Window
from sinkdiag.studies.calibrate_row import CalibrationRow
from sinkdiag.studies.result import Part, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationResult(Result[CalibrationPart]):
    """One row a matrix or trajectory, with controllers, windows and traces."""

    command: ClassVar[str] = "calibrate"
    row_type: ClassVar[type] = CalibrationRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType({"--trace": TraceRow})

    @property
    def controllers(self) -> tuple[AdaptiveCooling | None, ...]:
        """The controller of each part; None where there is no window."""
        return tuple(part.controller for part in self.parts)

    @property
    def summary(self) -> CalibrationSummary:
        """The controllers as lines to paste."""
        lines = tuple(None if found is None else repr(found) for found in self.controllers)
        return CalibrationSummary(controllers=lines)

    @property
    def findings(self) -> tuple[str, ...]:
        """The verdicts, each before its line to paste, if there is one; failures come last."""
        found: list[str] = []
        for part, line in zip(self.parts, self.summary.controllers, strict=True):
            found += [f"{part.name}: {text}" for text in part.findings]
            found += [] if line is None else [line]
        return (*found, *self.failures)

    def write_trace(self, stream: IO[bytes]) -> None:
        """Every step of every part's `CalibrationPart.trace`, as CSV."""
        table = self.table_of("trace", TraceRow, [part.trace for part in self.parts])
        stream.write(table.render("csv").encode())

    def figure(self) -> Figure:
        """Temperature, drift and distance of the first part's first held-out replicate.

        Both schedules are drawn; of a trajectory, the record itself.
        """
        from sinkdiag.report.figures.calibrate import AnnealingRuns, draw

        part = self.parts[0]
        (row,) = part.rows
        found = part.calibration
        replicate = 0 if found.judges[0].stream.length is not None else 1
        controlled = part.controller is not None
        runs = AnnealingRuns(
            name=part.name,
            opening=row.verdict.partition(":")[0],
            k_low=row.k_low,
            k_high=row.k_high,
            k_safe=row.k_safe,
            alpha0=found.alpha0,
            iters=row.iters,
            eps_start=row.eps_start,
            eps_min=row.eps_min,
            collapse_tv=found.settings.collapse_tv,
            controller=trace_replicate(found, replicate, plain=False) if controlled else (),
            plain=trace_replicate(found, replicate, plain=True),
        )
        return draw(runs)
