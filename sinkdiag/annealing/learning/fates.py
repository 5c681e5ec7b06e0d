"""How runs of the learner end: many paces on one replicate, each distinct run made once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

import numpy as np

from sinkdiag.annealing.learning.learner import Learner, LearningRun, LearningState, LearningStep
from sinkdiag.annealing.learning.paces import Pace
from sinkdiag.arrays import AnyArray

# A run is thrown out, and not locked in, if this share of its rows was right at some step.
WAS_RIGHT = 0.9
# Learning goes on for so many steps at eps_min before a run is judged.
SETTLE = 50


class Fate(Enum):
    """How a run of the learner ended.

    Arrived at eps_min: ``safe``, ``thrown`` (it was right before) or ``locked`` (it never was).
    Not arrived within the budget: ``held`` (its argmaxes are right where it stands) or ``late``.
    """

    SAFE = "safe"
    LOCKED = "locked"
    THROWN = "thrown"
    LATE = "late"
    HELD = "held"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True)
class Course:
    """From where to where, in how many steps, and what counts as right (temperatures in cost
    units): arrival before step ``max_steps``, wrong mass of at most ``collapse_tv``.
    """

    eps_start: float
    eps_min: float
    max_steps: int
    collapse_tv: float
    settle: int = SETTLE


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run.

    Attributes
    ----------
    fate, steps:
        How it ended, and the step whose pass first used eps_min (inf: none).
    wrong_mass:
        Of the noise-free plan at the end, in [0, 1].
    eps:
        The last temperature, cost units.
    eps_wrong:
        Median temperature at which the argmaxes that are wrong in the end changed last; nan where
        none is wrong.
    """

    fate: Fate
    steps: float
    wrong_mass: float
    eps: float
    eps_wrong: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Branch:
    """Paces that have chosen the same temperatures so far, so that one run serves them all."""

    state: LearningState
    eps: float
    members: tuple[int, ...]
    arrival: float = math.inf


class Observer(Protocol):
    """Shown every step of every distinct run; ``noisy`` are the costs that the layer met."""

    def __call__(
        self,
        run: LearningRun,
        state: LearningState,
        eps: float,
        measured: LearningStep,
        noisy: AnyArray,
    ) -> None:
        """One step, after the costs have learned from it."""


def _unheard(share: float) -> None:
    del share


def run_together(
    learner: Learner,
    paces: Sequence[Pace],
    course: Course,
    random: np.random.Generator,
    tick: Callable[[float], None] = _unheard,
    *,
    observe: Observer | None = None,
) -> tuple[Outcome, ...]:
    """The outcome of every pace on one replicate, in their order.

    All paces meet the same start and the same noise at the same step. Their runs are one as long
    as they choose the same temperatures and part where they do not, so no run is made twice.
    ``tick`` is told the share of all steps that each one was.
    """
    run = LearningRun(learner)
    first = LearningState(learner.start(random))
    branches = [_Branch(state=first, eps=course.eps_start, members=tuple(range(len(paces))))]
    outcomes: dict[int, Outcome] = {}
    last = course.max_steps + course.settle
    step = 0
    while branches:
        noise = learner.draw_noise(random)
        going: list[_Branch] = []
        for branch in (_arrived(branch, step, course) for branch in branches):
            met = None if observe is None else _met(branch.state.cost, noise)
            measured = run.step(branch.state, branch.eps, noise)
            if observe is not None and met is not None:
                observe(run, branch.state, branch.eps, measured, met)
            if _ended(branch, step, course):
                outcome = _judge(run, branch, course)
                outcomes.update(dict.fromkeys(branch.members, outcome))
            elif branch.arrival < math.inf:
                going.append(branch)
            else:
                following: dict[float, list[int]] = {}
                for member in branch.members:
                    eps = paces[member].next_eps(step, branch.eps, measured)
                    following.setdefault(eps, []).append(member)
                going += _parted(branch, following)
        branches = going
        tick(1.0 / last)
        step += 1
    tick(1.0 - step / last)
    return tuple(outcomes[index] for index in range(len(paces)))


def _met(cost: AnyArray, noise: AnyArray | None) -> AnyArray:
    return cost.copy() if noise is None else cost + noise


def _arrived(branch: _Branch, step: int, course: Course) -> _Branch:
    first = math.isinf(branch.arrival) and branch.eps <= course.eps_min
    return replace(branch, arrival=step) if first else branch


def _ended(branch: _Branch, step: int, course: Course) -> bool:
    if math.isinf(branch.arrival):
        return step + 1 >= course.max_steps
    return step + 1 >= branch.arrival + course.settle


def _parted(branch: _Branch, following: dict[float, list[int]]) -> list[_Branch]:
    """A branch for each next temperature; the first takes the state, the others a copy."""
    found = []
    for number, (eps, members) in enumerate(following.items()):
        state = branch.state if number + 1 == len(following) else branch.state.copy()
        found.append(_Branch(state=state, eps=eps, members=tuple(members)))
    return found


def _judge(run: LearningRun, branch: _Branch, course: Course) -> Outcome:
    target, state = run.learner.target, branch.state
    plan = run.quiet_plan(state, branch.eps)
    wrong_mass = target.wrong_mass(plan)
    right = target.right_rows(plan)
    if math.isinf(branch.arrival):
        held = right.mean() >= 1.0 - course.collapse_tv
        fate = Fate.HELD if held else Fate.LATE
    elif wrong_mass <= course.collapse_tv:
        fate = Fate.SAFE
    else:
        fate = Fate.THROWN if state.best_share >= WAS_RIGHT else Fate.LOCKED
    changed = state.changed_at[target.judged][~right]
    return Outcome(
        fate=fate,
        steps=branch.arrival,
        wrong_mass=wrong_mass,
        eps=branch.eps,
        eps_wrong=float(np.median(changed)) if len(changed) else math.nan,
    )
