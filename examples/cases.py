"""The learners that the measurements of this folder share, and intervals of what they measure.

A case is a matrix with its truth and a learner on it (K = 20, cold, loss mse). Slopes are given as
k·std(C), rates in std(C)², noise in std(C). Every case cools from its costs' range to 3e-3 of it.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinkdiag.annealing.learning.calibration import make_learner
from sinkdiag.annealing.learning.fates import Course, Fate, Outcome
from sinkdiag.annealing.learning.lengths import Form, shortest_safe
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.paces import LengthPace, Pace
from sinkdiag.annealing.learning.settings import LearningSettings, cost_std
from sinkdiag.annealing.learning.slopes import (
    SlopeFates,
    SlopeSearch,
    candidates_of,
    slope_grid,
)
from sinkdiag.annealing.learning.target import planted_target, target_of
from sinkdiag.annealing.learning.trials import LearnerRunner, Panel, Purpose, Trials
from sinkdiag.problem import make_problem
from sinkdiag.progress import silent
from sinkdiag.temperature import temperatures_of

FloatArray = NDArray[np.float64]
DATA = Path(__file__).parent / "data"

# One cooling factor for all, so that only the slope differs; and twice the usual budget.
ALPHA0, BUDGET = 0.8, 1000
FORMS: tuple[Form, ...] = ("exponential", "linear", "quadratic")
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A matrix, the true column of each row (None: its own optimal plan), and a learner."""

    name: str
    cost: FloatArray
    truth: NDArray[np.int64] | None = None
    rate: float = 0.6
    noise: float = 0.05


def uniform(size: int, seed: int = 0) -> FloatArray:
    """Costs U(0, 1)."""
    return np.random.default_rng([size, seed]).random((size, size))


def geometric(size: int, seed: int = 0) -> FloatArray:
    """Distances between two sets of points in the unit square."""
    random = np.random.default_rng([size, seed])
    x, y = random.random((size, 2)), random.random((size, 2))
    return np.linalg.norm(x[:, None] - y[None], axis=2)


def bundled(name: str, *, planted: bool = False) -> Case:
    """A real matrix, with its truth or with its own optimal plan as the target."""
    cost, truth = np.load(DATA / f"{name}.npy"), np.load(DATA / f"{name}_truth.npy")
    kind = "planted" if planted else "truth"
    return Case(name=f"{name}, {kind}", cost=cost, truth=None if planted else truth)


def cases(*, quick: bool) -> list[Case]:
    """Sizes, kinds, rates and noise; `quick`: four small ones."""
    small = [
        Case(name="uniform 24", cost=uniform(24)),
        Case(name="uniform 24, rate 2.4", cost=uniform(24), rate=2.4),
        Case(name="geometric 24", cost=geometric(24)),
        Case(name="geometric 24, noise 0.2", cost=geometric(24), noise=0.2),
    ]
    if quick:
        return small
    return [
        small[0],
        Case(name="uniform 24, another", cost=uniform(24, seed=1)),
        Case(name="uniform 24, rate 0.15", cost=uniform(24), rate=0.15),
        small[1],
        Case(name="uniform 24, noise 0.2", cost=uniform(24), noise=0.2),
        Case(name="uniform 48", cost=uniform(48)),
        small[2],
        Case(name="geometric 24, rate 0.15", cost=geometric(24), rate=0.15),
        small[3],
        Case(name="geometric 48", cost=geometric(48)),
        Case(name="geometric 48, rate 2.4", cost=geometric(48), rate=2.4),
        bundled("motorcycle", planted=True),
        bundled("motorcycle"),
        bundled("sentences"),
    ]


class Rig:
    """A case with its runs: equal paces on equal replicates are run once."""

    def __init__(self, case: Case, *, replicates: int = 10, budget: int = BUDGET) -> None:
        problem = make_problem(case.cost, name=case.name)
        asked = LearningSettings(learning_rate=case.rate, noise=case.noise, max_steps=budget)
        truth = case.truth
        target = planted_target(problem) if truth is None else target_of(problem, truth)
        self.case, self.std = case, cost_std(problem)
        self.learner = make_learner(problem, target, asked)
        eps_start, eps_min = temperatures_of(None).ends([problem])
        course = Course(
            eps_start=eps_start,
            eps_min=eps_min,
            max_steps=budget,
            collapse_tv=asked.collapse_tv,
        )
        self.runner = LearnerRunner(learner=self.learner, course=course, seed=asked.seed)
        self.trials = Trials(self.runner, Meter(silent, {"runs": 1.0}))
        self.search = SlopeSearch(self.trials, ALPHA0, 1.0)
        self.held_out = Panel(purpose=Purpose.HELD_OUT, count=replicates)
        self.fresh = Panel(purpose=Purpose.FRESH, count=replicates)

    def slope(self, scaled: float) -> Pace:
        """The controller with k·std(C) = `scaled`; inf: the plain exponential schedule."""
        return self.search.pace(scaled / self.std)

    def length(self, form: Form, steps: int) -> Pace:
        """A schedule of a given form and length."""
        course = self.trials.course
        return LengthPace(
            eps_start=course.eps_start, eps_min=course.eps_min, steps=steps, form=form
        )

    def outcomes(self, pace: Pace) -> tuple[Outcome, ...]:
        """On the fresh replicates, on which nothing was chosen."""
        self.trials.run([pace], self.fresh, 0.0)
        return self.trials.outcomes(pace, self.fresh)

    def slope_fates(self, count: int) -> tuple[SlopeFates, ...]:
        """`count` slopes over 4.6 decades on the held-out replicates; lost causes are given up."""
        slopes = slope_grid(1.0 / self.std, count=count)
        self.search.run(slopes, self.held_out, 0.0, all_fates=False)
        return self.search.fates(slopes, self.held_out)

    def shortest(self, form: Form) -> float:
        """The shortest robustly safe length on the held-out replicates; inf: none."""
        return shortest_safe(self.trials, self.held_out, [form], 0.0)[0].steps


def k_safe(found: Sequence[SlopeFates]) -> float:
    """The slope that is robustly safe and arrives soonest, mass/cost; nan: none."""
    safe = candidates_of(found)
    return safe[0].slope if safe else math.nan


def failures(outcomes: Sequence[Outcome]) -> int:
    """How many runs did not end safe."""
    return sum(outcome.fate is not Fate.SAFE for outcome in outcomes)


def steps_of(outcomes: Sequence[Outcome]) -> float:
    """The median step of arrival; inf: half do not arrive."""
    return statistics.median(outcome.steps for outcome in outcomes)


def wrong_of(outcomes: Sequence[Outcome]) -> float:
    """The mean wrong mass."""
    return statistics.fmean(outcome.wrong_mass for outcome in outcomes)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson (1927)."""
    z2 = 1.959964**2
    centre = (hits + z2 / 2.0) / (count + z2)
    half = math.sqrt(z2 * (hits * (count - hits) / count + z2 / 4.0)) / (count + z2)
    return centre - half, centre + half


def bootstrap(
    count: int, statistic: Callable[[NDArray[np.int64]], float], seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of a statistic of `count` independent items, by their indices.

    Resamples on which it is nan are left out.
    """
    random = np.random.default_rng(seed)
    found = [statistic(random.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def number(value: float) -> str:
    """For a table: three digits, a dash for what there is none of."""
    return f"{value:.3g}" if math.isfinite(value) else "-"
