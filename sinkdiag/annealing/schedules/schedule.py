"""What a schedule is: named parameters with meanings and defaults, and a way to run."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.annealing.schedules.layer import Layer, SweepLayer
from sinkdiag.annealing.schedules.setting import Sample, ScheduleStep, Setting
from sinkdiag.checks import check_count, check_size
from sinkdiag.errors import InputError
from sinkdiag.temperature import LARGEST_EPS

# Of steps, stages and the like.
MOST_COUNT = 1_000_000


def parameter(meaning: str, default: float | None, *, shown: str = "") -> Any:
    """A field of a schedule that ``NAME:key=value`` sets; ``shown`` is a default in words."""
    return field(default=default, metadata={"meaning": meaning, "shown": shown})


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """One schedule with its parameters; None stands for a default that the cost decides."""

    name: ClassVar[str]
    source: ClassVar[str]
    equation: ClassVar[str]

    @abstractmethod
    def run(self, setting: Setting) -> Iterator[ScheduleStep]:
        """The steps of one run, from step 0 on."""

    @classmethod
    def parameters(cls) -> tuple[tuple[str, str, str], ...]:
        """Key, default and meaning of every parameter."""
        return tuple(
            (entry.name, entry.metadata["shown"] or f"{entry.default:g}", entry.metadata["meaning"])
            for entry in fields(cls)
        )

    @property
    def label(self) -> str:
        """The name, with the parameters that are not the defaults."""
        given = [
            f"{entry.name}={getattr(self, entry.name):g}"
            for entry in fields(self)
            if getattr(self, entry.name) != entry.default
        ]
        return self.name + (":" + ",".join(given) if given else "")


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What a temperature rule may look at after a step."""

    index: int
    eps: float
    samples: tuple[Sample, ...]

    @property
    def drift_ratio(self) -> float:
        """drift/eps of the sample that moved most; nan at the first step."""
        drifts = [sample.drift for sample in self.samples]
        return math.nan if any(map(math.isnan, drifts)) else max(drifts) / self.eps


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The next temperature, cost units, and the braking: 1 holds, 0 cools freely."""

    eps: float
    braking: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LayerSchedule(Schedule):
    """A rule for the temperature of a layer that makes K sweeps a step.

    Subclasses give ``decide``; the run ends `Setting.settle` steps after the last temperature
    was reached, with the record of a trajectory, or with the budget.
    """

    @abstractmethod
    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """The temperature of the next step; at most eps_min ends the cooling."""

    def first(self, setting: Setting) -> float:
        """The temperature of step 0."""
        return setting.eps_start

    def layers(self, setting: Setting) -> Sequence[Layer]:
        """The layer that the rule cools; several where noise is drawn."""
        return [SweepLayer(setting, setting.costs())]

    def run(self, setting: Setting) -> Iterator[ScheduleStep]:
        """K sweeps a step at the rule's temperatures."""
        return self.cool(self.layers(setting), setting)

    def cool(self, layers: Sequence[Layer], setting: Setting) -> Iterator[ScheduleStep]:
        """Run the layers side by side at one temperature."""
        eps, arrival = self.first(setting), math.inf
        for index in range(setting.most_steps):
            if eps <= setting.eps_min:
                arrival = min(arrival, index)
            samples = tuple(layer.step(eps) for layer in layers)
            decision = self.decide(Seen(index=index, eps=eps, samples=samples), setting)
            yield ScheduleStep(
                index=index,
                eps=eps,
                braking=decision.braking,
                sweeps=(index + 1) * setting.iters,
                arrived=index >= arrival,
                samples=samples,
            )
            if setting.static and index >= arrival + setting.settle:
                return
            if index < arrival:
                eps = max(decision.eps, setting.eps_min)


def decided(rule: CoolingRule, reading: float, seen: Seen, setting: Setting) -> Decision:
    """What a controller's rule makes of a reading."""
    return Decision(
        eps=rule.cool(seen.eps, reading, setting.eps_min), braking=rule.braking(reading)
    )


def check_parameter(
    schedule: Schedule, key: str, *, count: bool = False, most: int = MOST_COUNT
) -> None:
    """A positive finite number, or a count from 1 up, unless it is left to the cost."""
    value = getattr(schedule, key)
    if value is None:
        return
    name = f"{schedule.name}:{key}"
    if not count:
        check_size(name, value)
        if not 1.0 / LARGEST_EPS <= value <= LARGEST_EPS:
            bounds = f"{1.0 / LARGEST_EPS:g} to {LARGEST_EPS:g}"
            raise InputError(name, f"{value:g} is out of range", f"give {bounds}")
    elif isinstance(value, float) and value.is_integer():
        check_count(name, int(value), 1, most)
    else:
        check_count(name, value, 1, most)
