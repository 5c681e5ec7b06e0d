"""Two controllers side by side: EPH-ASC (drift per eps) and the online tracking error.

Both cool by alpha0 while their reading is at most a threshold, else hold. Tried on every case at
hand: with learning in the loop (costs are parameters behind K cold sweeps, as `sinkdiag calibrate`
has it) and in replay (the layer carries its potentials along a fixed, noisy cost).

Run `python examples/tracking_control.py [--quick]`: two Markdown tables, the best setting of each
controller on each case, and its best setting for all cases together. `--quick` takes a few
thresholds, two replicates and the small cases.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sinkdiag import AdaptiveCooling, solve
from sinkdiag.annealing.learning.learner import Learner, LearningRun, LearningState
from sinkdiag.annealing.learning.target import planted_target, target_of
from sinkdiag.problem import make_problem

FloatArray = NDArray[np.float64]
Signal = Literal["drift", "tracking"]
DATA = Path(__file__).parent / "data"

# From the cost's range down to this share of it.
END = 0.01
MOST_STEPS, SETTLE = 500, 50
# Learning: rate and noise in std(C)² and std(C); a run is safe up to this wrong mass.
RATE, NOISE, WRONG = 0.6, 0.05, 0.1
# Replay: noise at the first step, in std(C), and what is left of it a step later; a run is safe if
# its plan is this near to the fixed point, in total variation, a few steps after it arrived.
JITTER, DECAY, LOST, AFTER = 0.01, 0.9, 0.01, 3
SWEEPS = 20


@dataclass(frozen=True)
class Outcome:
    """One run: when it arrived (inf: not), whether it ended as it should, and its quality.

    `quality` is the share of right rows with learning, the total variation in replay.
    """

    steps: float
    safe: bool
    quality: float


@dataclass(frozen=True)
class Setting:
    """A controller: what it reads, its threshold (of drift: per std(C)) and its cooling factor."""

    signal: Signal
    threshold: float
    alpha0: float

    def controller(self, cost: FloatArray) -> AdaptiveCooling:
        """The controller for one cost."""
        unit = float(cost.std()) if self.signal == "drift" else 1.0
        span = float(np.ptp(cost))
        return AdaptiveCooling(
            k_safe=self.threshold / unit,
            alpha0=self.alpha0,
            eps_start=span,
            eps_min=END * span,
            signal=self.signal,
        )


Case = Callable[[int], tuple[FloatArray, NDArray[np.int64] | None]]


def uniform(size: int) -> Case:
    """Uniform costs, another matrix and another random truth for every replicate."""

    def one(seed: int) -> tuple[FloatArray, NDArray[np.int64]]:
        random = np.random.default_rng([size, seed])
        return random.random((size, size)), random.permutation(size)

    return one


def geometric(size: int) -> Case:
    """Distances between two sets of points in the unit square; the optimal plan is the target."""

    def one(seed: int) -> tuple[FloatArray, None]:
        random = np.random.default_rng([size, seed])
        x, y = random.random((size, 2)), random.random((size, 2))
        return np.linalg.norm(x[:, None] - y[None], axis=2), None

    return one


def bundled(name: str) -> Case:
    """A real matrix with its truth; replicates differ in their noise."""
    cost, truth = np.load(DATA / f"{name}.npy"), np.load(DATA / f"{name}_truth.npy")
    return lambda _seed: (cost, truth)


def learn(case: Case, seed: int, setting: Setting) -> Outcome:
    """Learning in the loop, from step 0 to 50 steps after arrival."""
    cost, truth = case(seed)
    problem, spread = make_problem(cost), float(cost.std())
    learner = Learner(
        problem=problem,
        target=planted_target(problem) if truth is None else target_of(problem, truth),
        iters=SWEEPS,
        learning_rate=RATE * spread**2,
        noise=NOISE * spread,
        immaturity=spread,
    )
    random = np.random.default_rng(seed)
    run, state = LearningRun(learner), LearningState(learner.start(random))
    controller, arrival, eps = setting.controller(cost), math.inf, math.nan
    for step in range(MOST_STEPS + SETTLE):
        eps = controller.eps
        if controller.done:
            arrival = min(arrival, step)
        run.step(state, eps, learner.draw_noise(random))
        if step + 1 >= (MOST_STEPS if math.isinf(arrival) else arrival + SETTLE):
            break
        if not controller.done:
            controller.step(state.plan)
    plan = run.quiet_plan(state, eps)
    safe = math.isfinite(arrival) and learner.target.wrong_mass(plan) <= WRONG
    return Outcome(arrival, safe, float(learner.target.right_rows(plan).mean()))


def replay(case: Case, seed: int, setting: Setting, iters: int) -> Outcome:
    """A layer that carries its potentials along a fixed cost with noise that decays."""
    cost, _ = case(seed)
    random = np.random.default_rng(seed)
    controller, arrival, g = setting.controller(cost), math.inf, None
    for step in range(MOST_STEPS):
        eps = controller.eps
        if controller.done:
            arrival = min(arrival, step)
        noise = JITTER * float(cost.std()) * DECAY**step
        noisy = cost + noise * random.standard_normal(cost.shape)
        layer = solve(noisy, eps, iters=iters, init=g)
        g = layer.g
        if step >= arrival + AFTER:
            truth = solve(noisy, eps, tol=1e-9).plan
            tv = float(np.abs(layer.plan - truth).sum()) / (2 * len(cost))
            return Outcome(arrival, tv <= LOST, tv)
        if not controller.done:
            controller.step(layer.plan)
    return Outcome(math.inf, False, math.nan)


@dataclass(frozen=True)
class Tried:
    """All replicates of one setting."""

    setting: Setting
    outcomes: list[Outcome]

    @property
    def failures(self) -> int:
        """Replicates that did not arrive, or ended wrong."""
        return sum(not outcome.safe for outcome in self.outcomes)

    @property
    def steps(self) -> float:
        """Median step of arrival."""
        return statistics.median(outcome.steps for outcome in self.outcomes)

    def cells(self, *, learning: bool) -> str:
        """Threshold, alpha0, steps, failures and quality, for a table."""
        mean = float(np.mean([outcome.quality for outcome in self.outcomes]))
        steps = f"{self.steps:.0f}" if math.isfinite(self.steps) else "-"
        quality = f"{mean:.3f}" if learning else f"{mean:.1g}"
        threshold = "-" if math.isinf(self.setting.threshold) else f"{self.setting.threshold:.2g}"
        return (
            f"{threshold} | {self.setting.alpha0:g} | {steps} | "
            f"{self.failures} of {len(self.outcomes)} | {quality}"
        )


def settings(signal: Signal, *, quick: bool) -> list[Setting]:
    """The grid of one controller: thresholds times cooling factors."""
    lowest, highest = (3e-3, 3.0) if signal == "drift" else (1e-4, 0.3)
    thresholds = [float(value) for value in np.geomspace(lowest, highest, 3 if quick else 11)]
    factors = [0.8] if quick else [0.5, 0.8, 0.95]
    return [Setting(signal, threshold, alpha0) for alpha0 in factors for threshold in thresholds]


def controllers(*, quick: bool) -> dict[str, list[Setting]]:
    """What is compared; a threshold of inf is the plain exponential schedule."""
    drift, tracking = (settings(signal, quick=quick) for signal in ("drift", "tracking"))
    plain = [Setting("drift", math.inf, alpha0) for alpha0 in sorted({s.alpha0 for s in drift})]
    return {"EPH-ASC": drift, "tracking": tracking, "plain": plain}


Trial = Callable[[int, Setting], Outcome]


def best(tried: Iterable[Tried]) -> Tried:
    """Fewest failures, then fewest steps."""
    return min(tried, key=lambda entry: (entry.failures, entry.steps))


def common(every: list[list[Tried]], ideal: list[float]) -> tuple[Setting, int, float]:
    """The setting with the fewest failures over all cases, then the fewest steps.

    Also those failures, and how many times its steps are the `ideal` ones, the geometric mean over
    the cases on which it never fails (inf: on none).
    """
    found = []
    for entries in zip(*every, strict=True):
        ratios = [
            math.log(entry.steps / steps)
            for entry, steps in zip(entries, ideal, strict=True)
            if entry.failures == 0
        ]
        slower = math.exp(statistics.fmean(ratios)) if ratios else math.inf
        found.append((sum(entry.failures for entry in entries), slower, entries[0].setting))
    failures, slower, setting = min(found, key=lambda entry: entry[:2])
    return setting, failures, slower


def table(title: str, quality: str, trials: Mapping[str, Trial], *, quick: bool) -> None:
    """Print one table as it comes, and the best setting for all of it."""
    replicates = 2 if quick else 5
    print(f"\n{title}\n\n| case | controller | threshold | alpha0 | steps | failures | {quality} |")
    print("|---|---|---|---|---|---|---|", flush=True)
    every: dict[str, list[list[Tried]]] = {}
    for case, trial in trials.items():
        for name, grid in controllers(quick=quick).items():
            tried = [Tried(s, [trial(seed, s) for seed in range(replicates)]) for s in grid]
            every.setdefault(name, []).append(tried)
            cells = best(tried).cells(learning=quality == "right rows")
            print(f"| {case} | {name} | {cells} |", flush=True)
    ideal = [
        min((e.steps for tried in case for e in tried if e.failures == 0), default=math.nan)
        for case in zip(*every.values(), strict=True)
    ]
    print()
    for name, cases in every.items():
        setting, failures, slower = common(cases, ideal)
        runs = replicates * len(cases)
        print(
            f"One setting for all, {name}: {setting.threshold:.2g}, alpha0 {setting.alpha0:g}: "
            f"{failures} of {runs} runs fail; {slower:.2f} times the least steps where none does"
        )


def main(*, quick: bool) -> None:
    """Both tables."""
    cases: dict[str, Case] = {"uniform 24": uniform(24), "geometric 24": geometric(24)}
    if not quick:
        cases |= {"geometric 48": geometric(48)}
        cases |= {name: bundled(name) for name in ("motorcycle", "sentences")}
    learning = {name: partial(learn, case) for name, case in cases.items()}
    replays = {
        f"{name}, K = {iters}": partial(replay, case, iters=iters)
        for name, case in cases.items()
        for iters in (1, SWEEPS)
    }
    table("Learning in the loop (K = 20, cold)", "right rows", learning, quick=quick)
    table("Replay (potentials carried)", "total variation", replays, quick=quick)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few thresholds, small cases")
    main(quick=parser.parse_args().quick)
