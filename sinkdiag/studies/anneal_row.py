"""The rows of ``anneal``: one step of one schedule, and one schedule beside the others."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.columns import column
from sinkdiag.results import Status


@dataclass(frozen=True, kw_only=True)
class AnnealRow:
    """One step of one schedule; with several noise samples, means over them."""

    schedule: str = column("the schedule, with the parameters that are not its defaults")
    step: int = column("step of the run, from 0")
    eps: float = column("temperature of the plan P_t; 1/beta of the annealed iterations", "cost")
    drift: float = column("‖P_t − P_{t−1}‖_F, nan at the first step", "mass")
    drift_ratio: float = column("drift/eps", "mass/cost")
    braking: float = column("1 where the rule holds, 0 where it cools freely")
    entropy: float = column(
        "−Σ P log(P/r_i)/(N log m), in [0, 1], of the plan with its rows scaled to r"
    )
    row_error: float = column("Σ|P1 − r|/N of the plan that the schedule returns")
    tv: float = column(
        "total variation ‖P_t − P*‖_1/(2N) from the fixed point at the step's eps and cost; nan "
        "with --no-tv"
    )
    suboptimality: float = column(
        "<C, P> − optimum, P the plan rounded onto the transport polytope; 0 where it is below "
        "the rounding of both, nan where no optimum was computed",
        "cost·mass",
    )
    assignment_gap: float = column(
        "share of rows whose argmax differs from the fixed point's; nan with --no-tv"
    )
    collapsed: bool = column(
        "in the stretch of tv above --collapse-tv that reaches the run's end (with --no-tv never); "
        "with --learn from where the argmaxes that are wrong in the end changed last"
    )
    sweeps: int = column("sweeps made so far")
    wrong_mass: float = column(
        "share of the true pairs' mass in the wrong place; nan without --learn"
    )
    right_rows: float = column("share of known rows whose argmax is right; nan without --learn")
    status: Status = column("of the fixed point that the step is judged by; truncated without one")
    col_error: float = column("Σ|P'1 − c|/N of the plan that the schedule returns", extended=True)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One schedule at its end."""

    schedule: str = column("the schedule, with the parameters that are not its defaults")
    steps: int = column("steps made")
    sweeps: int = column("sweeps made")
    eps: float = column("last temperature", "cost")
    fate: str = column(
        "tracked: ended within --collapse-tv of its fixed point; unresolved: a layer that starts "
        "cold, too few sweeps for the last eps; lost: it outran its sweeps; late: eps_min not "
        "reached within the budget; arrived: not judged, or no fixed point; with --learn safe, "
        "locked, thrown, held or late, as in `calibrate`"
    )
    suboptimality: float = column("that of the last step", "cost·mass")
    braking: float = column("share of the steps on which the rule held")
    row_error: float = column("that of the last step")
    tv: float = column("that of the last step")
    wrong_mass: float = column("of the noise-free plan at the end; nan without --learn")


@dataclass(frozen=True, kw_only=True)
class TimedComparison(Comparison):
    """The same with its time, which no two runs share."""

    seconds: float = column("processor time of the schedule itself, nothing judged", "s")
