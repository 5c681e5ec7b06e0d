"""The result of ``anneal``: steps, comparison, claims, figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.claims.claim import Claim
from sinkdiag.studies.anneal_findings import digest_of
from sinkdiag.studies.anneal_row import AnnealRow, Comparison, TimedComparison
from sinkdiag.studies.anneal_run import ScheduleRun
from sinkdiag.studies.result import Part, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class AnnealSummary:
    """The comparison of all schedules on all cases, and the claims judged on each."""

    comparison: tuple[Comparison, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnealPart(Part):
    """One matrix or trajectory: its runs in the order of the schedules, and its claims.

    ``judged``: whether the claims were asked for.
    """

    setting: Setting
    runs: tuple[ScheduleRun, ...]
    claims: tuple[Claim, ...]
    judged: bool = False

    @property
    def comparison(self) -> tuple[TimedComparison, ...]:
        """One row a schedule."""
        return tuple(run.comparison for run in self.runs)


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnealResult(Result[AnnealPart]):
    """The steps of all schedules on all cases."""

    command: ClassVar[str] = "anneal"
    row_type: ClassVar[type] = AnnealRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType({"--comparison": TimedComparison})

    @property
    def summary(self) -> AnnealSummary:
        """Comparison, without the times, and claims."""
        return AnnealSummary(
            comparison=tuple(
                Comparison(**{name: getattr(row, name) for name in Comparison.__annotations__})
                for row in self.comparison
            ),
            claims=tuple(claim for part in self.parts for claim in part.claims),
        )

    @property
    def comparison(self) -> tuple[TimedComparison, ...]:
        """One row a schedule and case."""
        return tuple(row for part in self.parts for row in part.comparison)

    @property
    def digest(self) -> tuple[str, ...]:
        """Of several matrices what each schedule came to, unless claims were asked for."""
        if len(self.parts) == 1 or self.parts[0].judged:
            return ()
        return digest_of([part.comparison for part in self.parts])

    def write_comparison(self, stream: IO[bytes]) -> None:
        """`comparison` as CSV, with processor times."""
        groups = [part.comparison for part in self.parts]
        table = self.table_of("comparison", TimedComparison, groups)
        stream.write(table.render("csv").encode())

    def figure(self) -> Figure:
        """Suboptimality against sweeps, temperature and entropy of the first part.

        The front of plain Sinkhorn at constant temperatures is drawn beside a matrix's schedules.
        """
        from sinkdiag.annealing.schedules.front import plain_front
        from sinkdiag.rendering.figures.anneal import ScheduleCurve, ScheduleCurves, draw

        part = self.parts[0]
        setting = part.setting
        learned = any(math.isfinite(row.wrong_mass) for row in part.rows)
        most = max(row.sweeps for row in part.rows)
        return draw(
            ScheduleCurves(
                name=part.name,
                iters=setting.iters,
                start="cold" if setting.cold else "warm",
                eps_start=setting.eps_start,
                eps_min=setting.eps_min,
                front=plain_front(setting.problem, most) if setting.static and not learned else (),
                learned=learned,
                curves=[
                    ScheduleCurve(
                        name=run.comparison.schedule,
                        fate=run.comparison.fate,
                        step=[row.step for row in run.rows],
                        sweeps=[row.sweeps for row in run.rows],
                        eps=[row.eps for row in run.rows],
                        entropy=[row.entropy for row in run.rows],
                        suboptimality=[row.suboptimality for row in run.rows],
                        tv=[row.tv for row in run.rows],
                        wrong_mass=[row.wrong_mass for row in run.rows],
                    )
                    for run in part.runs
                ],
            )
        )
