"""What does the paper's phase I, a measured slope, add over the slope of its theory.

Four slopes for every case, each run on the same fresh replicates (EPH-ASC, alpha0 0.8):

- measured: `sinkdiag calibrate`'s choice, the soonest robustly safe one on held-out replicates;
- phase I: drift/eps at the moment at which the plain schedule locked its finally wrong rows in,
  median over the held-out replicates (the paper's section 4.2 as it stands);
- theory: R/‖J^K(I - J^K)^{-1}‖/eps at eps_collapse, where they locked in (`k_theory`);
- the paper's 0.5 per cost unit; and beside them k·std(C) = 0.25 for all.

Run `python examples/phase_one.py [--quick]`: Markdown tables. `--quick`: four small cases, fewer
slopes and replicates.
"""

import argparse
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from cases import (
    BUDGET,
    Rig,
    bootstrap,
    cases,
    failures,
    k_safe,
    number,
    steps_of,
    wilson,
    wrong_of,
)
from numpy.typing import NDArray

from sinkdiag.annealing.learning.fates import Fate, Outcome, run_together
from sinkdiag.annealing.learning.learner import LearningRun, LearningState, LearningStep
from sinkdiag.annealing.learning.slopes import PAPER
from sinkdiag.arrays import AnyArray
from sinkdiag.derivatives.thresholds import thresholds

# One slope for all cases, times std(C).
COMMON = 0.25


@dataclass(kw_only=True)
class Watch:
    """Notes temperature and drift/eps at every step of one run."""

    eps: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def take(
        self,
        run: LearningRun,
        state: LearningState,
        eps: float,
        measured: LearningStep,
        noisy: AnyArray,
    ) -> None:
        """One step."""
        del run, state, noisy
        self.eps.append(eps)
        self.ratios.append(measured.drift_ratio)

    def at(self, eps: float) -> float:
        """Drift/eps at the first step at a temperature, or below it."""
        return next(ratio for at, ratio in zip(self.eps, self.ratios, strict=True) if at <= eps)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where the plain schedule locked in: medians over the replicates on which it did, their count.

    Temperature in cost units, drift/eps per cost unit; nan without any.
    """

    eps: float
    ratio: float
    count: int


def moment(rig: Rig) -> Moment:
    """The paper's phase I on the held-out replicates."""
    eps, ratios = [], []
    for index in range(rig.held_out.count):
        random = np.random.default_rng([rig.runner.seed, rig.held_out.purpose, index])
        watch = Watch()
        (outcome,) = run_together(
            rig.learner, [rig.slope(math.inf)], rig.trials.course, random, observe=watch.take
        )
        lost = outcome.fate in (Fate.LOCKED, Fate.THROWN)
        if lost and not math.isnan(outcome.eps_wrong):
            eps.append(outcome.eps_wrong)
            ratios.append(watch.at(outcome.eps_wrong))
    if not eps:
        return Moment(eps=math.nan, ratio=math.nan, count=0)
    return Moment(eps=statistics.median(eps), ratio=statistics.median(ratios), count=len(eps))


def slopes(rig: Rig, count: int) -> tuple[Moment, dict[str, float]]:
    """The slopes that are compared, mass/cost; nan where a rule gives none."""
    found = moment(rig)
    theory = math.nan
    if found.count:
        problem, iters = rig.learner.problem, rig.learner.iters
        theory = thresholds(problem, found.eps, iters).k_theory
    rules = {
        "measured": k_safe(rig.slope_fates(count)),
        "phase I": found.ratio,
        "theory": theory,
        "0.5": PAPER,
        f"{COMMON}/std(C)": COMMON / rig.std,
    }
    return found, rules


Runs = tuple[Outcome, ...]


def use(rig: Rig, slope: float) -> Runs:
    """Fresh replicates; none where there is no slope to use."""
    return rig.outcomes(rig.slope(slope * rig.std)) if slope > 0.0 else ()


def cell(slope: float, std: float, outcomes: Runs) -> str:
    """k·std(C): steps, and in brackets failures and wrong mass, for a table."""
    if not outcomes:
        return "-" if math.isnan(slope) else number(slope * std)
    steps, failed = steps_of(outcomes), failures(outcomes)
    text = f"{slope * std:.2g}: {number(steps)}"
    return f"{text} ({failed}; {wrong_of(outcomes):.2f})" if failed else text


def show(every: dict[str, list[Runs]]) -> None:
    """Print what each rule does over all cases; a rule that gives no slope has failed there."""
    print("\n| slope | no slope | safe runs | 95 % | cases safe | steps, times the measured's |")
    print("|---|---|---|---|---|---|")
    measured = [steps_of(runs) if runs else math.nan for runs in every["measured"]]
    for name, cases_of in every.items():
        none = sum(not runs for runs in cases_of)
        runs = sum(len(runs) for runs in cases_of)
        safe = runs - sum(failures(runs) for runs in cases_of)
        good = [bool(runs) and failures(runs) <= 0.1 * len(runs) for runs in cases_of]
        low, high = bootstrap(len(good), lambda drawn, of=cases_of: _share(of, drawn))
        ratios = _ratios(cases_of, measured, good)
        times = f"{statistics.median(ratios):.2f}" if ratios else "-"
        share = f"{safe / runs:.2f} ({safe} of {runs})" if runs else "-"
        cases_low, cases_high = wilson(sum(good), len(good))
        print(
            f"| {name} | {none} | {share} | {low:.2f} to {high:.2f} | {sum(good)} of {len(good)} "
            f"({cases_low:.2f} to {cases_high:.2f}) | {times} |"
        )


def _share(cases_of: list[Runs], drawn: NDArray[np.int64]) -> float:
    runs = [outcome for index in drawn for outcome in cases_of[index]]
    return 1.0 - failures(runs) / len(runs) if runs else math.nan


def _ratios(cases_of: list[Runs], measured: list[float], good: Iterable[bool]) -> list[float]:
    together = zip(cases_of, measured, good, strict=True)
    return [steps_of(runs) / steps for runs, steps, fine in together if fine and steps == steps]


def main(*, quick: bool) -> None:
    """Both tables."""
    replicates, count, budget = (4, 24, 250) if quick else (10, 48, BUDGET)
    every: dict[str, list[Runs]] = {}
    for number_of, case in enumerate(cases(quick=quick)):
        rig = Rig(case, replicates=replicates, budget=budget)
        found, rules = slopes(rig, count)
        if number_of == 0:
            print(f"| case | locked in | eps_collapse/range | {' | '.join(rules)} |")
            print(f"|---|---|---|{'---|' * len(rules)}", flush=True)
        cells = []
        for name, slope in rules.items():
            outcomes = use(rig, slope)
            every.setdefault(name, []).append(outcomes)
            cells.append(cell(slope, rig.std, outcomes))
        place = number(found.eps / rig.trials.course.eps_start)
        print(
            f"| {case.name} | {found.count} of {replicates} | {place} | {' | '.join(cells)} |",
            flush=True,
        )
    show(every)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four small cases")
    main(quick=parser.parse_args().quick)
