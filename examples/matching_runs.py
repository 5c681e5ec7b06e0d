"""Many small matching networks trained at once: what `train_matching.py` runs.

Runs are independent: a tensor's first axis is the schedule, its second the seed, and no operation
mixes them. Equal seeds start from equal networks and see equal batches, whatever the schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from skimage.color import rgb2gray
from skimage.data import stereo_motorcycle

from sinkdiag import AdaptiveCooling
from sinkdiag.torch import signals

SWEEPS, SIGNAL, NUISANCE, EMBEDDING, HIDDEN, PATCH = 20, 8, 24, 8, 32, 4
EPS_START, EPS_MIN, EVALUATED = 1.0, 0.01, 25


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How one run is cooled: a function of the step, or a controller with a slope."""

    name: str
    eps_at: Callable[[int], float] | None = None
    controller: Callable[[], AdaptiveCooling] | None = None
    gumbel: float = 0.0


def exponential(steps: int) -> Pace:
    """From the first to the last temperature by equal factors."""
    ratio = EPS_MIN / EPS_START
    return Pace(
        name=f"exponential {steps}", eps_at=lambda t: EPS_START * ratio ** min(t / steps, 1.0)
    )


def linear(steps: int) -> Pace:
    """The same by equal differences."""
    span = EPS_MIN - EPS_START
    return Pace(name=f"linear {steps}", eps_at=lambda t: EPS_START + span * min(t / steps, 1.0))


def quadratic(steps: int) -> Pace:
    """Each step takes kappa·eps² away: 1/eps grows by equal amounts."""
    rise = 1 / EPS_MIN - 1 / EPS_START
    return Pace(
        name=f"quadratic {steps}",
        eps_at=lambda t: 1 / (1 / EPS_START + rise * min(t / steps, 1.0)),
    )


def constant(eps: float) -> Pace:
    """One temperature throughout."""
    return Pace(name=f"constant {eps:g}", eps_at=lambda _: eps)


def gumbel(steps: int, scale: float = 0.1) -> Pace:
    """Gumbel-Sinkhorn: noise of this scale (cost units) on every cost, exponential cooling."""
    plain = exponential(steps)
    return Pace(name=f"Gumbel-Sinkhorn {steps}", eps_at=plain.eps_at, gumbel=scale)


def controlled(k_safe: float, name: str = "", signal: str = "drift") -> Pace:
    """A controller on the drift, or the tracking error, of a probe batch."""

    def fresh() -> AdaptiveCooling:
        return AdaptiveCooling(k_safe, 0.95, eps_start=EPS_START, eps_min=EPS_MIN, signal=signal)

    return Pace(name=name or f"EPH-ASC k = {k_safe:.3g}", controller=fresh)


def sinkhorn(cost: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """K cold sweeps in the log domain, as layers run them; rows are exact."""
    log = -cost / eps
    for _ in range(SWEEPS):
        log = log - torch.logsumexp(log, -2, keepdim=True)
        log = log - torch.logsumexp(log, -1, keepdim=True)
    return log.exp()


class Synthetic:
    """Pairs of views of an 8-d signal, each with 24 nuisance dimensions, rotated apart."""

    name, width, enough = "synthetic", SIGNAL + NUISANCE, 0.9

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._turn = [torch.linalg.qr(self._normal(self.width, self.width))[0] for _ in range(2)]

    def _normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self._generator)

    def pairs(self, n: int, *, test: bool) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ARG002
        """Fresh points every time: none is ever seen twice."""
        signal = self._normal(n, SIGNAL)
        views = [torch.cat([signal, self._normal(n, NUISANCE)], -1) @ turn for turn in self._turn]
        return views[0], views[1]


class Stereo:
    """Grey patches of 9×9 px about the two images of a point of the motorcycle pair.

    Training points come from the left half of the image, test points from the right one. Features
    of this size tell about 88 % of the test points apart, whatever the schedule: 80 % are enough.
    """

    name, width, enough = "stereo patches", (2 * PATCH + 1) ** 2, 0.8
    _known: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        if Stereo._known is None:
            left, right, disparity = stereo_motorcycle()
            Stereo._known = rgb2gray(left), rgb2gray(right), disparity
        self._left, self._right, self._disparity = Stereo._known
        height, width = self._disparity.shape
        rows, columns = np.mgrid[PATCH : height - PATCH, PATCH : width - PATCH]
        moved = columns - self._disparity[rows, columns]
        usable = np.isfinite(moved) & (moved > PATCH + 1)
        # A patch without any texture matches everything.
        dark, bright = np.percentile(np.abs(np.gradient(self._left)[1]), [85, 100])
        steep = np.abs(np.gradient(self._left)[1])[rows, columns]
        usable &= (steep > dark) & (steep <= bright)
        self._points = np.stack([rows[usable], columns[usable]], -1)
        self._tested = self._points[:, 1] > width // 2

    def pairs(self, n: int, *, test: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Points of one half of the image, any two at least 9 px apart in a row or column."""
        candidates = self._points[self._tested == test]
        chosen: list[np.ndarray] = []
        while len(chosen) < n:
            point = candidates[self._random.integers(len(candidates))]
            if all(np.abs(point - other).max() > 2 * PATCH for other in chosen):
                chosen.append(point)
        views = []
        for image, shift in ((self._left, 0), (self._right, 1)):
            patches = [self._patch(image, point, shift) for point in chosen]
            views.append(torch.from_numpy(np.stack(patches)).float())
        return views[0], views[1]

    def _patch(self, image: np.ndarray, point: np.ndarray, shift: int) -> np.ndarray:
        row, column = point
        column = round(column - shift * self._disparity[row, column])
        patch = image[row - PATCH : row + PATCH + 1, column - PATCH : column + PATCH + 1].ravel()
        return (patch - patch.mean()) / (patch.std() + 1e-3)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained: task, points a batch, optimiser, rate, steps."""

    task: type[Synthetic] | type[Stereo]
    n: int
    optimiser: str
    rate: float
    steps: int

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.task.name}, n = {self.n}, {self.optimiser} {self.rate:g}"

    @property
    def slug(self) -> str:
        """For file names."""
        return f"{self.task.name.split()[0]}-{self.n}-{self.optimiser.lower()}-{self.rate:g}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What became of (schedules, seeds) runs; arrays of that shape, traces with time first.

    `trace_right` is evaluated after every 25th step, `gradients` are the norms of every step.
    """

    right: np.ndarray
    best: np.ndarray
    steps_to_enough: np.ndarray
    eps: np.ndarray
    arrival: np.ndarray
    trace_right: np.ndarray
    gradients: np.ndarray


@dataclass(kw_only=True, eq=False)
class Training:
    """The state of all runs."""

    setting: Setting
    paces: Sequence[Pace]
    seeds: Sequence[int]
    controllers: dict[tuple[int, int], AdaptiveCooling] = field(default_factory=dict)
    record: Callable[[torch.Tensor, float, int], None] | None = None

    def __post_init__(self) -> None:
        tasks = [self.setting.task(seed) for seed in self.seeds]
        self.tasks, n = tasks, self.setting.n
        self.probe = stacked([task.pairs(n, test=False) for task in tasks])
        self.tests = [stacked([task.pairs(n, test=True) for task in tasks]) for _ in range(4)]
        generators = [torch.Generator().manual_seed(1000 + seed) for seed in self.seeds]
        self.noise = torch.Generator().manual_seed(self.seeds[0])
        self.parameters = []
        for _ in range(2):
            for shape in ((self.setting.task.width, HIDDEN), (HIDDEN, EMBEDDING)):
                drawn = [torch.randn(shape, generator=g) / shape[0] ** 0.5 for g in generators]
                whole = torch.stack(drawn).expand(len(self.paces), *([-1] * 3)).clone()
                self.parameters.append(whole.requires_grad_())
        kind = torch.optim.Adam if self.setting.optimiser == "Adam" else torch.optim.SGD
        self.optimiser = kind(self.parameters, lr=self.setting.rate)
        for at, pace in enumerate(self.paces):
            if pace.controller is not None:
                for seed in range(len(self.seeds)):
                    self.controllers.setdefault((at, seed), pace.controller())
        self.scale = torch.tensor([pace.gumbel for pace in self.paces])[:, None, None, None]

    def cost(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """1 - <a_i, b_j> of unit embeddings, (schedules, seeds, n, n), from 0 to 2."""
        first, second, third, fourth = self.parameters
        a = torch.nn.functional.normalize(torch.tanh(left @ first) @ second, dim=-1)
        b = torch.nn.functional.normalize(torch.tanh(right @ third) @ fourth, dim=-1)
        return 1.0 - a @ b.mT

    def temperatures(self, step: int) -> torch.Tensor:
        """Of every run at this step, (schedules, seeds, 1, 1)."""
        rows = [
            [self.controllers[at, seed].eps for seed in range(len(self.seeds))]
            if pace.eps_at is None
            else [pace.eps_at(step)] * len(self.seeds)
            for at, pace in enumerate(self.paces)
        ]
        return torch.tensor(rows)[:, :, None, None]

    def learn(self, eps: torch.Tensor) -> torch.Tensor:
        """One step of every run; the gradients' norms (schedules, seeds)."""
        left, right = stacked([task.pairs(self.setting.n, test=False) for task in self.tasks])
        cost = self.cost(left, right)
        if bool((self.scale > 0).any()):
            uniform = torch.rand(cost.shape, generator=self.noise).clamp(1e-6, 1 - 1e-6)
            cost = cost + self.scale * (-uniform.log()).log()
        wrong = sinkhorn(cost, eps) - torch.eye(self.setting.n)
        self.optimiser.zero_grad()
        (0.5 * wrong.square().sum()).backward()
        norms = [p.grad.square().sum(dim=(-2, -1)) for p in self.parameters if p.grad is not None]
        self.optimiser.step()
        return torch.stack(norms).sum(0).sqrt()

    @torch.no_grad()
    def control(self, eps: torch.Tensor, before: torch.Tensor | None, step: int) -> torch.Tensor:
        """The plans of the probe batch, shown to the controllers."""
        cost = self.cost(*self.probe)
        plan = sinkhorn(cost, eps)
        if self.record is not None:
            self.record(cost[0, 0], float(eps[0, 0]), step)
        moved = plan.new_full(plan.shape[:2], math.nan)
        if before is not None:
            moved = torch.nan_to_num(signals.drift(plan, before), nan=math.inf)
        readings = signals.tracking(plan)[2].tolist()
        for (at, seed), controller in self.controllers.items():
            drift = float(moved[at, seed])
            if not math.isinf(drift):  # a network that diverged stays where it is
                controller.take(drift, reading=readings[at][seed])
        return plan

    @torch.no_grad()
    def judge(self, eps: torch.Tensor) -> np.ndarray:
        """The share of held-out rows that are right, (schedules, seeds)."""
        truth, shares = torch.arange(self.setting.n), []
        for views in self.tests:
            plan = sinkhorn(self.cost(*views), eps)
            right = (plan.argmax(-1) == truth) & plan.isfinite().all(-1)
            shares.append(right.double().mean(-1))
        return torch.stack(shares).mean(0).numpy()


def stacked(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Batches of all seeds, (seeds, n, width) each."""
    left, right = zip(*pairs, strict=True)
    return torch.stack(left), torch.stack(right)


def train(training: Training) -> Course:
    """Run to the end."""
    plan, rights, gradients, temperatures = None, [], [], []
    for step in range(training.setting.steps):
        eps = training.temperatures(step)
        if training.controllers or training.record is not None:
            plan = training.control(eps, plan, step)
        gradients.append(training.learn(eps).numpy())
        if (step + 1) % EVALUATED == 0:
            rights.append(training.judge(eps))
        temperatures.append(eps[..., 0, 0].numpy())
    trace, cooled = np.stack(rights), np.stack(temperatures) <= EPS_MIN * (1 + 1e-6)
    reached = trace >= training.setting.task.enough
    return Course(
        right=trace[-1],
        best=trace.max(axis=0),
        steps_to_enough=np.where(reached.any(0), (reached.argmax(0) + 1) * EVALUATED, np.nan),
        eps=temperatures[-1],
        arrival=np.where(cooled.any(0), cooled.argmax(0), np.nan),
        trace_right=trace,
        gradients=np.stack(gradients),
    )
