"""The rows of a calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinkdiag.columns import column
from sinkdiag.results import Status

NAN = math.nan


@dataclass(frozen=True, kw_only=True)
class CalibrationRow:
    """One row a matrix, record or replayed trajectory: the contract's columns, then the rest."""

    k_safe: float = column(
        "slope to use: cool while drift ≤ k·eps. The slope that arrives soonest among those that "
        "are safe together with their neighbours (of a replay √(k_low·k_high)); where none "
        "arrives, the one that holds at the lowest temperature; nan without either",
        "mass/cost",
    )
    k_low: float = column("low end of the window of such slopes around k_safe", "mass/cost")
    k_high: float = column(
        "its high end; slopes above it lock in, are thrown out or hold (of a replay: lose track)",
        "mass/cost",
    )
    k_theory: float = column(
        "the paper's estimate R/‖J^K(I − J^K)^{-1}‖/eps at eps_collapse, plan norm: of what K "
        "carried sweeps can follow, and no substitute for a measured slope (1e-61 to 1e12 was "
        "seen); nan without a collapse or below resolution",
        "mass/cost",
    )
    alpha0: float = column("cooling factor of one step of this row's controller")
    beta: float = column("load drift/(k·eps) at which braking begins; 1: cool or hold")
    R: float = column(
        "the paper's radius (A.7), at eps_collapse; nan without a collapse or below resolution",
        "mass",
    )
    alpha_critical: float = column(
        "largest cooling factor at which the plain schedule fails: of the lengths (ratio 1.05) "
        "the one before steps_plain; of a replay, that collapses with your K; nan: none"
    )
    eps_collapse: float = column(
        "where the finally wrong argmaxes of the plain schedule at alpha0 changed last, median (of "
        "a replay: where it is lost); nan where it is right",
        "cost",
    )
    eps_freeze: float = column(
        "largest eps at which K sweeps shrink the error by less than 10 (rho^K > 1/10); nan: none",
        "cost",
    )
    collapses: int = column(
        "held-out replicates on which the plain schedule at alpha0 arrives and ends wrong"
    )
    replicates: int = column("held-out replicates")
    verdict: str = column("the same in words, with cause and recommendation")
    mode: str = column("learning: from a matrix; record: from a recorded run; replay: --replay")
    iters: int = column(
        "K: yours (lower only in a replay with --fewer-sweeps). A layer runs K sweeps, f from g "
        "and g from f, and a last update of f: its rows are exact"
    )
    start: str = column("cold: every call from zero potentials; warm: g carried in cost units")
    learning_rate: float = column("eta of the learner; nan in a replay", "cost²")
    noise: float = column("noise of the costs: of the learner at every step", "cost")
    steps_safe: float = column("step of arrival at k_safe, median of the held-out replicates")
    steps_plain: float = column(
        "the shortest safe exponential schedule, steps; nan: none within the budget", default=NAN
    )
    steps_linear: float = column(
        "the shortest safe linear schedule, steps; nan: none within the budget", default=NAN
    )
    speedup: float = column(
        "steps_plain/steps_safe; the paper's Table 1 says 1.6 to 90 %", default=NAN
    )
    eps_floor: float = column(
        "the temperature that this learner bears: where the controller stands, median, if no slope "
        "arrives and no schedule that was tried ends right; else nan",
        "cost",
        default=NAN,
    )
    confirmed_safe: float = column("share of fresh replicates that are safe (or hold) at k_safe")
    status: Status = column("below_resolution where runs could not be made or judged")
    eps_start: float = column("first temperature of the annealing", "cost")
    eps_min: float = column("last temperature of the annealing", "cost")
    max_steps: int = column("budget: steps before which eps_min must be reached")
    loss: str = column("loss of the learner, on plans rescaled to mass n; empty in a replay")
    std: float = column("std(C) of the finite costs: the unit of rates, noise and slopes", "cost")
    k_safe_std: float = column("k_safe·std(C), which does not change with the unit of the costs")
    eps_resolved: float = column(
        "temperature down to which a cold layer of K sweeps is right to 1 % on the cost as given, "
        "whatever the schedule; inf: none",
        "cost",
        default=NAN,
    )
    iters_needed: float = column(
        "sweeps that a cold layer would need to be right to 1 % at eps_min; nan: not found",
        default=NAN,
    )
    unresolved: float = column(
        "TV between a cold K-sweep plan and the fixed point at eps_min, cost as given", default=NAN
    )
    lost_track: float = column(
        "TV between a warm layer's plan and its fixed point at the end of the plain schedule, "
        "first held-out replicate; nan for a cold one, which has no track to lose",
        default=NAN,
    )
    locked: int = column("replicates of collapses that were never right: locked in", default=0)
    thrown: int = column("replicates of collapses that were right before: thrown out", default=0)
    arithmetic: float = column(
        "TV between the K-sweep plans in float32 and float64 at eps_min, cost as given",
        default=NAN,
    )
    lock_in_step: float = column(
        "of a record: the step from which its finally wrong argmaxes no longer changed (median of "
        "the rows); nan: it ends right, or carries no eps or truth",
        default=NAN,
    )
    lock_in_eps: float = column("temperature there", "cost", default=NAN)
    lock_in_drift_ratio: float = column("drift/eps there", "mass/cost", default=NAN)
    k_safe_slow: float = column(
        "k_safe at a quarter of the learning rate", "mass/cost", extended=True, default=NAN
    )
    k_safe_fast: float = column(
        "k_safe at four times the learning rate", "mass/cost", extended=True, default=NAN
    )
    k_collapse: float = column(
        "replay: drift/eps of the plain schedule at the moment of collapse, median",
        "mass/cost",
        extended=True,
        default=NAN,
    )
    tv_plain: float = column(
        "replay: total variation of the settled plain schedule, median of pilots",
        extended=True,
        default=NAN,
    )
    noise_decay: float = column(
        "replay: factor on the noise at every step", extended=True, default=NAN
    )
    confirmed_collapse: float = column(
        "replay: share of fresh replays that collapse at 4·k_high", extended=True, default=NAN
    )
    tv_safe: float = column(
        "replay: total variation of the settled controller at k_safe, median of the fresh replays",
        extended=True,
        default=NAN,
    )
    tv_plain_equal: float = column(
        "replay: the same of the plain exponential schedule with as many steps",
        extended=True,
        default=NAN,
    )
    k_low_min: float = column(
        "replay: smallest k_low of a single run", "mass/cost", extended=True, default=NAN
    )
    k_high_max: float = column(
        "replay: largest k_high of a single run", "mass/cost", extended=True, default=NAN
    )
    k_free: float = column(
        "replay: slope beyond which the controller never brakes, median of the runs",
        "mass/cost",
        extended=True,
        default=NAN,
    )
    runs_late: int = column("replay: runs on which no slope arrives", extended=True, default=0)
    runs_lost: int = column(
        "replay: runs on which even the slowest controller that arrives has collapsed",
        extended=True,
        default=0,
    )
    runs_unresolved: int = column(
        "replay: runs whose slowest arrival could not be judged", extended=True, default=0
    )
    runs_holes: int = column(
        "replay: runs on which slopes below the safe ones arrive and are not safe",
        extended=True,
        default=0,
    )
    tau_max: float = column(
        "the paper's gap·R/κ(V) (Table 2), at eps_collapse, plan norm",
        "mass",
        extended=True,
        default=NAN,
    )


@dataclass(frozen=True, kw_only=True)
class FateRow:
    """One run of a slope on a held-out replicate: the rows of ``--fates``."""

    slope: float = column("k; inf is the plain exponential schedule", "mass/cost")
    replicate: int = column("held-out replicate")
    fate: str = column(
        "safe: arrived, and right in the end; locked: arrived, wrong, never right; thrown: "
        "arrived, wrong, right before; held: not arrived, right where it stands; late: neither"
    )
    steps: float = column("step whose pass first used eps_min; nan where none did")
    wrong_mass: float = column("share of the known mass in the wrong place at the end, no noise")
    eps: float = column("last temperature", "cost")
