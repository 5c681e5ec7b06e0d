"""The row of a calibration."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinkdiag.annealing.replay import Fate
from sinkdiag.columns import column
from sinkdiag.results import Status
from sinkdiag.studies.calibrate_findings import verdict_of

if TYPE_CHECKING:
    from sinkdiag.annealing.calibration import Calibration


@dataclass(frozen=True, kw_only=True)
class CalibrationRow:
    """One row a matrix or trajectory: the contract's columns, then what they are for."""

    k_safe: float = column(
        "slope to use, √(k_low·k_high): cool while drift ≤ k·eps; nan without a window",
        "mass/cost",
    )
    k_low: float = column(
        "slopes below it do not reach eps_min within the budget (or are not safe: runs_holes)",
        "mass/cost",
    )
    k_high: float = column(
        "slopes above it collapse: more than collapse_tv of the mass is in the wrong place once "
        "the run has settled",
        "mass/cost",
    )
    k_theory: float = column(
        "the paper's estimate R/‖J^K(I − J^K)^{-1}‖/eps at eps_collapse, plan norm: no substitute "
        "for the measured k_high, beside which (6 to 190) it was found anywhere from 1e-44 to 28; "
        "nan without a collapse or below resolution",
        "mass/cost",
    )
    alpha0: float = column("cooling factor of one step of this row's controller")
    beta: float = column("load drift/(k·eps) at which braking begins; 1: cool or hold")
    R: float = column(
        "the paper's radius (A.7), at eps_collapse; nan without a collapse or below resolution",
        "mass",
    )
    alpha_critical: float = column(
        "largest cooling factor with which the plain schedule collapses at your own K; nan: none"
    )
    eps_collapse: float = column("temperature at which the plain schedule is lost, median", "cost")
    eps_freeze: float = column(
        "largest eps at which K sweeps shrink the error by less than 10 (rho^K > 1/10); nan: none",
        "cost",
    )
    collapses: int = column("held-out replicates on which the plain schedule collapses")
    replicates: int = column("held-out replicates")
    verdict: str = column("the same in words, with cause and recommendation")
    iters: int = column("K that the row is for: yours, or fewer where collapse took fewer")
    eps_start: float = column("first temperature of the annealing", "cost")
    eps_min: float = column("last temperature of the annealing", "cost")
    k_collapse: float = column(
        "drift/eps of the plain schedule at the moment of collapse, median", "mass/cost"
    )
    tv_plain: float = column(
        "total variation of the settled plain schedule that the verdict speaks of, median of pilots"
    )
    max_steps: int = column(
        "budget: steps within which eps_min must be reached; on a trajectory at most its length − 3"
    )
    noise: float = column("noise of the replicates, relative to the costs' standard deviation")
    noise_decay: float = column("factor on the noise at every step")
    confirmed_safe: float = column("share of fresh replays that are safe at k_safe")
    confirmed_collapse: float = column("share of fresh replays that collapse at 4·k_high")
    steps_safe: float = column("steps to reach eps_min with k_safe, median of the fresh replays")
    status: Status = column("below_resolution where fixed points could not be certified")
    tv_safe: float = column(
        "total variation of the settled controller at k_safe, median of the fresh replays"
    )
    tv_plain_equal: float = column(
        "the same of the plain exponential schedule that reaches eps_min in as many steps"
    )
    k_low_min: float = column(
        "smallest k_low of a single run (the data or a replicate)", "mass/cost", extended=True
    )
    k_high_max: float = column("largest k_high of a single run", "mass/cost", extended=True)
    k_free: float = column(
        "slope beyond which the controller never brakes, median of the runs",
        "mass/cost",
        extended=True,
    )
    runs_late: int = column("runs on which no slope arrives within the budget", extended=True)
    runs_lost: int = column(
        "runs on which even the slowest controller that arrives has collapsed", extended=True
    )
    runs_unresolved: int = column("runs whose slowest arrival could not be judged", extended=True)
    runs_holes: int = column(
        "runs on which slopes below the safe ones arrive and are not safe", extended=True
    )
    tau_max: float = column(
        "the paper's gap·R/κ(V) (Table 2), at eps_collapse, plan norm", "mass", extended=True
    )


def row_of(found: Calibration) -> CalibrationRow:
    """The row of a finished calibration."""
    settings, layer, theory, window = found.settings, found.layer, found.theory, found.window
    critical = found.escalation.critical
    return CalibrationRow(
        k_safe=window.k_safe,
        k_low=_end(window.k_low),
        k_high=_end(window.k_high),
        k_theory=theory.k_theory if theory is not None else math.nan,
        alpha0=found.plain.alpha if found.choice is not None else math.nan,
        beta=float(settings.beta),
        R=theory.R if theory is not None else math.nan,
        alpha_critical=critical.alpha if critical is not None else math.nan,
        eps_collapse=found.eps_collapse,
        eps_freeze=found.eps_freeze,
        collapses=len(found.moments),
        replicates=settings.replicates,
        verdict=verdict_of(found),
        iters=found.run.iters,
        eps_start=layer.eps_start,
        eps_min=layer.eps_min,
        k_collapse=found.k_collapse,
        tv_plain=found.plain.tv,
        max_steps=layer.max_steps,
        noise=float(settings.noise),
        noise_decay=float(settings.noise_decay),
        confirmed_safe=found.confirmation.safe,
        confirmed_collapse=found.confirmation.collapse,
        steps_safe=found.confirmation.steps,
        status=found.status,
        tv_safe=found.confirmation.tv_safe,
        tv_plain_equal=found.confirmation.tv_plain_equal,
        k_low_min=min(_ends(entry.low for entry in window.brackets), default=math.nan),
        k_high_max=max(_ends(entry.high for entry in window.brackets), default=math.nan),
        k_free=_median([entry.free for entry in window.brackets]),
        runs_late=window.fates(Fate.LATE),
        runs_lost=window.fates(Fate.COLLAPSED),
        runs_unresolved=window.fates(Fate.UNRESOLVED),
        runs_holes=window.holes,
        tau_max=theory.tau_max if theory is not None else math.nan,
    )


def _end(value: float) -> float:
    """An end of a window that was measured; nan for one that does not exist (inf or 0)."""
    return value if 0.0 < value < math.inf else math.nan


def _ends(values: Iterable[float]) -> list[float]:
    return [value for value in values if 0.0 < value < math.inf]


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan
