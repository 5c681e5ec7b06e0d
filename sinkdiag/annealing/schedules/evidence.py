"""The runs on which the statements about annealed Sinkhorn are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from sinkdiag.annealing.schedules.annealed import Annealed, Debiased
from sinkdiag.annealing.schedules.iteration import BETA_0, IterationSchedule, Scaled
from sinkdiag.annealing.schedules.optimum import Optimum
from sinkdiag.annealing.schedules.path import path_plan
from sinkdiag.annealing.schedules.setting import ScheduleStep, Setting
from sinkdiag.arrays import FloatArray
from sinkdiag.claims.annealed import AnnealedCurve, AnnealedEvidence
from sinkdiag.problem import Problem
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.path import WarmPath, solve_path
from sinkdiag.temperature import geometric

# Exponents whose whole runs are looked at, of LONG steps, at LOOKS steps of their last decade.
KAPPAS, LONG, LOOKS = (1 / 3, 1 / 2, 2 / 3, 1.0), 1000, 24
# The grid on which the best exponent is looked for, after SHORT steps.
GRID, SHORT = np.linspace(0.2, 1.2, 21), 200
# Temperatures of the entropic error, from the annealing's first down to this share of it.
POINTS, COLDEST = 25, 3e-3
# Steps at which a plan is compared with the regularisation path.
PATH_STEPS = (10, 30, 100)
_POINT_TOL = 1e-10


class EvidenceMaker:
    """Makes the runs on one matrix; ``told`` hears of the share that is done."""

    def __init__(self, problem: Problem, optimum: Optimum, told: Callable[[float], None]) -> None:
        self.problem, self.optimum, self.told = problem, optimum, told
        self._done, self._total = 0, len(KAPPAS) * LONG + 2 * len(GRID) * SHORT

    def make(self) -> AnnealedEvidence:
        """All of them."""
        eps, entropic = self._entropic()
        to_path, to_fixed = self._path()
        return AnnealedEvidence(
            curves=tuple(self._curve(kappa) for kappa in KAPPAS),
            constant=self._constant(),
            kappas=GRID,
            annealed=np.array([self._end(Annealed(kappa=float(kappa))) for kappa in GRID]),
            debiased=np.array([self._end(Debiased(kappa=float(kappa))) for kappa in GRID]),
            short=SHORT,
            eps=eps,
            entropic=entropic,
            path_t=PATH_STEPS,
            to_path=to_path,
            to_fixed=to_fixed,
        )

    def _steps(self, schedule: IterationSchedule, count: int) -> Iterator[ScheduleStep]:
        problem = self.problem
        setting = Setting(
            problems=(problem,),
            eps_start=problem.cost_range,
            eps_min=problem.cost_range,
            max_steps=count,
            iters=1,
            cold=True,
            settle=0,
        )
        for step in schedule.run(setting):
            yield step
            self._done += 1
            self.told(min(1.0, self._done / self._total))

    def _end(self, schedule: IterationSchedule) -> float:
        *_, last = self._steps(schedule, SHORT)
        return self.optimum.suboptimality(last.samples[0].plan, self.problem)

    def _curve(self, kappa: float) -> AnnealedCurve:
        looks = _looks()
        seen = {}
        for step in self._steps(Annealed(kappa=kappa), LONG):
            if step.index + 1 in looks:
                seen[step.index + 1] = (step.eps, step.samples[0].plan)
        t = np.array(looks, dtype=float)
        first = BETA_0 / self.problem.cost_range
        return AnnealedCurve(
            kappa=kappa,
            t=t,
            eps=np.array([seen[place][0] for place in looks]),
            increment=first * ((t + 1) ** kappa - t**kappa),
            row_error=np.array([self._row_error(seen[place][1]) for place in looks]),
            suboptimality=np.array(
                [self.optimum.suboptimality(seen[place][1], self.problem) for place in looks]
            ),
        )

    def _constant(self) -> AnnealedCurve:
        looks, eps = _looks(), self.problem.cost_range / BETA_0
        found, g, done = [], None, 0
        for place in looks:
            solution = run_sweeps(self.problem, eps, place - done, g)
            g, done = solution.g, place
            found.append(solution.plan)
        return AnnealedCurve(
            kappa=0.0,
            t=np.array(looks, dtype=float),
            eps=np.full(len(looks), eps),
            increment=np.zeros(len(looks)),
            row_error=np.array([self._row_error(plan) for plan in found]),
            suboptimality=np.array(
                [self.optimum.suboptimality(plan, self.problem) for plan in found]
            ),
        )

    def _row_error(self, plan: FloatArray) -> float:
        return float(np.abs(plan.sum(axis=1) - self.problem.row).sum()) / self.problem.total

    def _entropic(self) -> tuple[FloatArray, FloatArray]:
        warmest = self.problem.cost_range / BETA_0
        grid = geometric(warmest, COLDEST * warmest, POINTS)
        errors = []
        for solution in solve_path(self.problem, grid, tol=_POINT_TOL):
            failed = solution.status.failed
            excess = self.optimum.suboptimality(solution.plan, self.problem)
            errors.append(math.nan if failed else excess)
        return np.array(grid), np.array(errors)

    def _path(self) -> tuple[FloatArray, FloatArray]:
        """TV of annealing's plans from the path and from the fixed point at `PATH_STEPS`."""
        problem, fixed = self.problem, WarmPath(self.problem, tol=_POINT_TOL)
        state, first = Scaled.start(problem), BETA_0 / problem.cost_range
        schedule, near, far = Annealed(), [], []
        for t in range(1, max(PATH_STEPS) + 1):
            betas = first * t**schedule.kappa, first * (t + 1) ** schedule.kappa
            state = schedule.sweep(state, problem.cost, t, betas)
            if t not in PATH_STEPS:
                continue
            plan = state.made_plan
            relaxed = path_plan(problem, betas[1], betas[1] - betas[0], state)
            solution = fixed.at(1.0 / betas[1])
            near.append(math.nan if relaxed is None else self._tv(plan, relaxed))
            far.append(math.nan if solution.status.failed else self._tv(plan, solution.plan))
        return np.array(near), np.array(far)

    def _tv(self, plan: FloatArray, other: FloatArray) -> float:
        return float(np.abs(plan - other).sum()) / (2.0 * self.problem.total)


def _looks() -> list[int]:
    found = np.geomspace(LONG / 10, LONG, LOOKS).round().astype(int)
    return sorted({int(place) for place in found})
