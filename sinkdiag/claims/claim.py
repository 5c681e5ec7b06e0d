"""A claim of the paper, and what became of it on the user's own matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class ClaimKey(Enum):
    """What a claim is about; the key by which results and JSON name it."""

    SENSITIVITY = "sensitivity"
    TEMPERATURE_SENSITIVITY = "temperature_sensitivity"
    GAP = "gap"
    RESOLVENT = "resolvent"
    SECOND_DERIVATIVE = "second_derivative"
    RADIUS = "radius"
    DRIFT = "drift"
    ADMISSIBLE_STEP = "admissible_step"
    COLLAPSE = "collapse"
    GAUGES = "gauges"
    DUALITY = "duality"


class AnnealingKey(Enum):
    """What a claim about annealing runs is about, which `anneal` judges on runs of its own."""

    SPEED_LIMIT = "speed_limit"
    COLLAPSE_AT_FREEZE = "collapse_at_freeze"
    SOLVES_TRANSPORT = "solves_transport"
    ENTROPIC_ERROR = "entropic_error"
    RELAXATION_ERROR = "relaxation_error"
    ROW_ERROR = "row_error"
    BEST_EXPONENT = "best_exponent"
    DEBIASED_EXPONENT = "debiased_exponent"
    REGULARISATION_PATH = "regularisation_path"


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A log-log slope by least squares, with the smallest and the largest local one."""

    slope: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A verdict.

    Attributes
    ----------
    key:
        Which claim.
    claim, source:
        What is claimed, and where.
    verdict:
        ``holds``, ``holds in [lo, hi]``, ``fails`` or ``cannot tell``.
    slope, slope_low, slope_high:
        Least-squares log-log slope over the window, or without one over everything that was
        resolved, and the smallest and largest local slope there; nan where no power law is claimed.
    window:
        Temperatures (lo, hi) in which the claim holds, or None.
    sentence:
        The cause in plain words.
    """

    key: ClaimKey | AnnealingKey
    claim: str
    source: str
    verdict: str
    slope: float
    slope_low: float
    slope_high: float
    window: tuple[float, float] | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What the paper claims, and where."""

    key: ClaimKey | AnnealingKey
    claim: str
    source: str

    def judged(
        self,
        verdict: str,
        sentence: str,
        *,
        trend: Trend | None = None,
        window: tuple[float, float] | None = None,
    ) -> Claim:
        """The claim with its verdict."""
        trend = trend or Trend()
        return Claim(
            key=self.key,
            claim=self.claim,
            source=self.source,
            verdict=verdict,
            slope=trend.slope,
            slope_low=trend.low,
            slope_high=trend.high,
            window=window,
            sentence=sentence,
        )

    def undecided(self, sentence: str, trend: Trend | None = None) -> Claim:
        """The claim that these temperatures cannot decide."""
        return self.judged("cannot tell", sentence, trend=trend)


def held_in(window: tuple[float, float]) -> str:
    """The verdict of a claim that holds between two temperatures."""
    return f"holds in [{window[0]:.3g}, {window[1]:.3g}]"
