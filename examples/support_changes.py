"""What happens at the steps of a learning run at which the active support changes.

Runs are cooled by the controller (k·std(C) = 0.25, alpha0 0.8) or linearly over 200 steps. At every
step above eps_min the active support S of the layer's plan is compared with that of the step
before. Three events: S changes at all, its number of components changes, the argmax of some row
changes. Drift/eps, the gradient's norm and braking at such steps are compared with steps without
the event, at most five steps away in the same run, and alike in whether eps was lowered just before
them: all of them vary along a run with eps. Steps without such neighbours are left out.

Run `python examples/support_changes.py [--quick]`: a Markdown table. `--quick`: two small cases.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from cases import Case, Rig, bootstrap, bundled, geometric, uniform

from sinkdiag.annealing.learning.fates import run_together
from sinkdiag.annealing.learning.learner import LearningRun, LearningState, LearningStep
from sinkdiag.annealing.learning.paces import ControllerPace, Pace
from sinkdiag.arrays import AnyArray
from sinkdiag.jacobian.support import ActiveSupport, support_of

SLOPE, LENGTH = 0.25, 200
NEAR = 5  # steps
EVENTS = ("S", "components", "argmax")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: what happened since the step before, and what was measured.

    `cooled`: eps was lowered since then. `entries`: how many entries of S changed. `gradient`: the
    Frobenius norm of dl/dC. `braking`: 0 cools, 1 holds.
    """

    cooled: bool
    entries: int
    components: bool
    argmax: bool
    ratio: float
    gradient: float
    braking: float

    def has(self, event: str) -> bool:
        """Whether an event of `EVENTS` happened."""
        return {"S": self.entries > 0, "components": self.components, "argmax": self.argmax}[event]


class Watch:
    """The steps of one run above eps_min, but for the first."""

    def __init__(self, pace: Pace, eps_min: float) -> None:
        self.rule = pace.rule if isinstance(pace, ControllerPace) else None
        self.eps_min = eps_min
        self.steps: list[Step] = []
        self._before: tuple[ActiveSupport, AnyArray, float] | None = None

    def take(
        self,
        run: LearningRun,
        state: LearningState,
        eps: float,
        measured: LearningStep,
        noisy: AnyArray,
    ) -> None:
        """One step."""
        del noisy
        if eps <= self.eps_min:
            return
        support = support_of(state.plan)
        if self._before is not None:
            then, best, warmer = self._before
            ratio = measured.drift_ratio
            self.steps.append(
                Step(
                    cooled=eps < warmer,
                    entries=int(np.count_nonzero(support.mask != then.mask)),
                    components=support.components != then.components,
                    argmax=bool(np.any(state.best != best)),
                    ratio=ratio,
                    gradient=float(np.linalg.norm(run.gradient)),
                    braking=math.nan if self.rule is None else self.rule.braking(ratio),
                )
            )
        self._before = support, state.best.copy(), eps


Run = Sequence[Step]


def watch(rig: Rig, pace: Pace) -> list[Run]:
    """One pace on the held-out replicates."""
    found = []
    for index in range(rig.held_out.count):
        random = np.random.default_rng([rig.runner.seed, rig.held_out.purpose, index])
        seen = Watch(pace, rig.trials.course.eps_min)
        run_together(rig.learner, [pace], rig.trials.course, random, observe=seen.take)
        found.append(seen.steps)
    return found


def neighbours(run: Run, event: str) -> list[tuple[Step, list[Step]]]:
    """Every step with the event, and the like steps near it without; none without those."""
    found = []
    for place, step in enumerate(run):
        if not step.has(event):
            continue
        around = run[max(place - NEAR, 0) : place + NEAR + 1]
        others = [other for other in around if not other.has(event) and other.cooled is step.cooled]
        if others:
            found.append((step, others))
    return found


def compare(
    runs: list[Run], event: str, value: Callable[[Step], float], *, relative: bool
) -> tuple[float, float, float]:
    """How much `value` exceeds the neighbours' mean, and the 95 % interval over resampled runs.

    The mean over the runs of what they show at their events: relative, the median of the quotients
    (averaged geometrically), else the mean difference. nan where nothing can be compared.
    """
    every = []
    for run in runs:
        pairs = [
            (value(step), float(np.mean([value(other) for other in others])))
            for step, others in neighbours(run, event)
        ]
        able = [(at, near) for at, near in pairs if at > 0.0 and near > 0.0] if relative else pairs
        if able:
            at, near = np.array(able).T
            every.append(np.log(np.median(at / near)) if relative else np.mean(at - near))
    means = np.array(every)
    if len(means) == 0 or np.isnan(means).any():
        return math.nan, math.nan, math.nan
    low, high = bootstrap(len(means), lambda drawn: float(means[drawn].mean()))
    mean = float(means.mean())
    return (math.exp(mean), math.exp(low), math.exp(high)) if relative else (mean, low, high)


def cells(runs: list[Run], event: str) -> str:
    """Share of steps, steps compared, and how much drift, gradient and braking exceed."""
    share = np.mean([step.has(event) for run in runs for step in run])
    compared = sum(len(neighbours(run, event)) for run in runs)
    texts = [f"{share:.2f}", str(compared)]
    for value in (lambda step: step.ratio, lambda step: step.gradient):
        mean, low, high = compare(runs, event, value, relative=True)
        texts.append(f"× {mean:.2f} ({low:.2f} to {high:.2f})" if mean == mean else "-")
    mean, low, high = compare(runs, event, lambda step: step.braking, relative=False)
    texts.append(f"{mean:+.2f} ({low:+.2f} to {high:+.2f})" if mean == mean else "-")
    return " | ".join(texts)


def main(*, quick: bool) -> None:
    """One table."""
    found = [
        Case(name="uniform 24", cost=uniform(24)),
        Case(name="geometric 24", cost=geometric(24)),
    ]
    if not quick:
        found += [
            Case(name="geometric 48", cost=geometric(48)),
            bundled("motorcycle", planted=True),
        ]
    print(
        "| case | cooled | event | share of steps | compared | drift/eps | gradient | braking |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for case in [replace(case, noise=noise) for case in found for noise in (0.05, 0.0)]:
        rig = Rig(case, replicates=4 if quick else 20)
        paces = {"controller": rig.slope(SLOPE), "linear": rig.length("linear", LENGTH)}
        for name, pace in paces.items():
            runs = watch(rig, pace)
            for event in EVENTS:
                head = f"{case.name}, noise {case.noise:g} | {name} | {event}"
                print(f"| {head} | {cells(runs, event)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two small cases")
    main(quick=parser.parse_args().quick)
