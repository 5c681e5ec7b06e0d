"""Is there a law that predicts the slope, and what is it worth.

Random planted problems: kind, size, learning rate, noise and the scale of the costs are drawn, the
slope is measured on each (EPH-ASC, alpha0 0.8), and log k is fitted on the logarithms of what is
known beforehand or measured in a few steps. R² is given with every problem predicted from all
others (leave one out). A prediction is worth something if it lies in the window of safe slopes;
each law may first be multiplied by the factor that serves the other problems best.

Run `python examples/slope_law.py [--quick]`: Markdown tables. `--quick`: few and small problems.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cases import Case, FloatArray, Rig, bootstrap, geometric, k_safe, number, uniform, wilson

import sinkdiag
from sinkdiag.annealing.learning.fates import Course
from sinkdiag.annealing.learning.learner import LearningRun, LearningState
from sinkdiag.annealing.learning.slopes import SlopeFates

# The controller's own reading, and the gap, are taken at this share of the costs' range.
AT = 0.1
# Steps of learning before the reading, and those whose median it is.
BEFORE, READ = 5, 20
NAMES = ("std(C)", "rate", "noise", "n", "learning drift", "drift as read", "gap")
MODELS: dict[str, tuple[str, ...]] = {
    "constant k": (),
    **{name: (name,) for name in NAMES},
    "rate, noise, n": ("rate", "noise", "n"),
    "drift as read, rate, n": ("drift as read", "rate", "n"),
    "all": NAMES[1:],
}
# Factors on a law, the best of which is chosen on the other problems.
FACTORS = np.geomspace(0.1, 10.0, 81)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One problem: predictors in the order of `NAMES`, the slope, and its window; k in 1/cost."""

    predictors: tuple[float, ...]
    slope: float
    low: float
    high: float


def draw(seed: int, *, quick: bool) -> tuple[Case, float]:
    """A random problem, and std(C)."""
    random = np.random.default_rng([11, seed])
    size = round(math.exp(random.uniform(math.log(10), math.log(20 if quick else 48))))
    make = uniform if random.random() < 0.5 else geometric
    rate, noise, scale = (
        math.exp(random.uniform(math.log(low), math.log(high)))
        for low, high in ((0.1, 3.0), (0.01, 0.2), (0.1, 10.0))
    )
    cost = scale * make(size, seed)
    return Case(name=f"problem {seed}", cost=cost, rate=rate, noise=noise), float(cost.std())


def reading(rig: Rig, *, noise: bool) -> float:
    """Median drift/eps while the learner learns at a fixed temperature, 1/cost."""
    course: Course = rig.trials.course
    eps, random = AT * course.eps_start, np.random.default_rng(0)
    run, state = LearningRun(rig.learner), LearningState(rig.learner.start(random))
    ratios = [
        run.step(state, eps, rig.learner.draw_noise(random) if noise else None).drift_ratio
        for _ in range(BEFORE + READ)
    ]
    return float(np.median(ratios[BEFORE:]))


def measure(seed: int, *, quick: bool) -> Measured | None:
    """The slope of one problem; None where none is safe."""
    case, std = draw(seed, quick=quick)
    rig = Rig(case, replicates=3 if quick else 6, budget=250 if quick else 500)
    found = rig.slope_fates(24 if quick else 48)
    slope = k_safe(found)
    if math.isnan(slope):
        return None
    low, high = window(found, slope)
    predictors = (
        std,
        case.rate,
        case.noise,
        float(len(case.cost)),
        reading(rig, noise=False),
        reading(rig, noise=True),
        sinkdiag.spectrum(case.cost, AT * rig.trials.course.eps_start).rows[0].gap,
    )
    return Measured(predictors=predictors, slope=slope, low=low, high=high)


def window(found: Sequence[SlopeFates], slope: float) -> tuple[float, float]:
    """The ends of the run of safe slopes around one."""
    place = next(i for i, entry in enumerate(found) if entry.slope == slope)
    first = last = place
    while first > 0 and found[first - 1].safe:
        first -= 1
    while last + 1 < len(found) and found[last + 1].safe:
        last += 1
    return found[first].slope, found[last].slope


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Logarithms: predictors (problems, names), slopes in the unit of the model, windows."""

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray

    def take(self, rows: FloatArray) -> "Data":
        """Some of the problems."""
        return Data(x=self.x[rows], y=self.y[rows], low=self.low[rows], high=self.high[rows])

    def coefficients(self) -> FloatArray:
        """Least squares: the constant, then the exponents."""
        ones = np.column_stack([np.ones(len(self.y)), self.x])
        return np.linalg.lstsq(ones, self.y, rcond=None)[0]

    def shift(self, predicted: FloatArray) -> float:
        """The factor (its logarithm, nearest to 0 of the best) that serves most windows."""
        shifts = np.log(FACTORS)
        served = [
            np.sum((predicted + s >= self.low) & (predicted + s <= self.high)) for s in shifts
        ]
        best = shifts[np.array(served) == max(served)]
        return float(best[np.argmin(np.abs(best))])


def predictions(data: Data) -> tuple[FloatArray, FloatArray]:
    """Every problem's slope from all others', plain and times the factor that serves them best."""
    plain, shifted = np.empty_like(data.y), np.empty_like(data.y)
    for left in range(len(data.y)):
        others = data.take(np.delete(np.arange(len(data.y)), left))
        fit = others.coefficients()
        plain[left] = fit[0] + data.x[left] @ fit[1:]
        shifted[left] = plain[left] + others.shift(fit[0] + others.x @ fit[1:])
    return plain, shifted


def r_squared(y: FloatArray, predicted: FloatArray) -> float:
    """Against the mean of all."""
    return 1.0 - float(np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2))


def row_of(name: str, data: Data) -> str:
    """R², the same with one left out, exponents with intervals, and how many windows are met."""
    fit = data.coefficients()
    plain, shifted = predictions(data)

    def exponent(drawn: FloatArray, place: int) -> float:
        return float(data.take(drawn).coefficients()[place])

    powers = []
    for place in range(1, len(fit)):
        low, high = bootstrap(len(data.y), lambda drawn, at=place: exponent(drawn, at))
        powers.append(f"{fit[place]:.2f} ({low:.2f} to {high:.2f})")
    cells = []
    for predicted in (plain, shifted):
        met = int(np.sum((predicted >= data.low) & (predicted <= data.high)))
        low, high = wilson(met, len(data.y))
        cells.append(f"{met / len(data.y):.2f} ({low:.2f} to {high:.2f})")
    inside = r_squared(data.y, fit[0] + data.x @ fit[1:])
    return (
        f"| {name} | {inside:.2f} | {r_squared(data.y, plain):.2f} | "
        f"{', '.join(powers) or '-'} | {cells[0]} | {cells[1]} |"
    )


def show(
    title: str, measured: list[Measured], models: dict[str, tuple[str, ...]], std: int
) -> None:
    """Print the laws of k·std(C)^`std`."""
    logs = np.log([entry.predictors for entry in measured])
    unit = std * logs[:, 0]
    print(f"\n{title}\n\n| known | R² | left out | exponents | in window | times a factor |")
    print("|---|---|---|---|---|---|")
    for name, chosen in models.items():
        data = Data(
            x=logs[:, [NAMES.index(entry) for entry in chosen]],
            y=np.log([entry.slope for entry in measured]) + unit,
            low=np.log([entry.low for entry in measured]) + unit,
            high=np.log([entry.high for entry in measured]) + unit,
        )
        print(row_of(name, data), flush=True)


def main(*, quick: bool) -> None:
    """Measure and fit."""
    count = 10 if quick else 64
    tried = [measure(seed, quick=quick) for seed in range(count)]
    measured = [entry for entry in tried if entry is not None]
    print(f"{len(measured)} of {count} problems have a safe slope.")
    scaled = [entry.slope * entry.predictors[0] for entry in measured]
    lowest, middle, highest = np.quantile(scaled, [0.0, 0.5, 1.0])
    print(f"k·std(C): {number(lowest)} to {number(highest)}, median {number(middle)}.")
    first = {name: MODELS[name] for name in ("constant k", "std(C)")}
    show("log k", measured, first, 0)
    models = {"constant k·std(C)": ()} | {n: m for n, m in MODELS.items() if n not in first}
    show("log k·std(C)", measured, models, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few and small problems")
    main(quick=parser.parse_args().quick)
