"""Gumbel-Sinkhorn: noise on the costs, whose plans are samples of matchings as eps falls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sinkdiag.annealing.schedules.layer import Layer, SweepLayer
from sinkdiag.annealing.schedules.schedule import (
    Decision,
    LayerSchedule,
    Seen,
    check_parameter,
    parameter,
)
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_share, check_size

MOST_SAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class Gumbel(LayerSchedule):
    """S((-C + scale·G)/eps) with G_ij standard Gumbel, drawn once a sample; cooled by alpha0.

    ``scale`` is in cost units. Numbers of a step are means over the samples; their suboptimality
    is that of the samples' plans on the cost itself, without the noise.
    """

    name: ClassVar[str] = "gumbel"
    source: ClassVar[str] = "Mena et al., ICLR 2018 (arXiv 1802.08665)"
    equation: ClassVar[str] = "P = S_K((−C + scale·G)/eps_t), eps_{t+1} = alpha0·eps_t"
    samples: float = parameter("noise samples", 4)
    scale: float | None = parameter(
        "size of the noise, cost units", None, shown="0.1 of the costs' standard deviation"
    )
    alpha0: float = parameter("cooling factor of one step, in (0, 1)", 0.95)

    def __post_init__(self) -> None:
        check_parameter(self, "samples", count=True, most=MOST_SAMPLES)
        if self.scale is not None:
            check_size("gumbel:scale", self.scale, zero=True)
        check_share("gumbel:alpha0", self.alpha0)

    def decide(self, seen: Seen, setting: Setting) -> Decision:
        """alpha0 times the last temperature."""
        del setting
        return Decision(eps=self.alpha0 * seen.eps)

    def layers(self, setting: Setting) -> Sequence[Layer]:
        """One a sample, each with noise of its own that stays for the run."""
        cost = setting.problem.cost
        scale = 0.1 * float(cost[np.isfinite(cost)].std()) if self.scale is None else self.scale
        return [
            SweepLayer(setting, _noisy(setting, scale, sample))
            for sample in range(int(self.samples))
        ]


def _noisy(setting: Setting, scale: float, sample: int) -> Iterator[FloatArray]:
    random = np.random.default_rng((setting.seed, sample))
    noise = scale * random.gumbel(size=setting.problem.cost.shape)
    if setting.static:
        yield from itertools.repeat(setting.problem.cost - noise)
    for cost in setting.costs():
        yield cost - noise
