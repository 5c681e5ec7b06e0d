"""Statistics of a record: its rate by an instrument, its noise, and what speaks against them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray

# What is left unexplained may be this share of a step: the rounding of costs in single precision,
# and of gradients.
NEGLIGIBLE = 1e-3
# How much of a smoothed gradient is kept from step to step, as by an optimiser with momentum.
MEMORY = 0.9


class RecordSample:
    """Changes and gradients of the entries that can move, step by step.

    With Y_t the costs, G_t the gradients and e_t = Y_{t+1} - Y_t + eta G_t; only steps that follow
    each other are used.

    Parameters
    ----------
    costs, gradients:
        Y_t and G_t, (T, n, m); +inf where a pair is forbidden.
    others:
        Gradients of other losses along the same costs, each (T, n, m).
    number:
        The training step of each recorded one, (T,).
    """

    def __init__(
        self,
        *,
        costs: FloatArray,
        gradients: FloatArray,
        others: Sequence[FloatArray],
        number: IntArray,
    ) -> None:
        moving = np.isfinite(costs).all(axis=0)
        self._changes = np.diff(costs[:, moving], axis=0)
        self._gradients = gradients[:-1][:, moving]
        self._others = [other[:-1][:, moving] for other in others]
        self._follows = np.diff(number) == 1

    @property
    def count(self) -> int:
        """Runs of four consecutive steps, each of which gives e_t, e_{t+1}, e_{t+2}."""
        return len(self._starts(2))

    def rate(self) -> float:
        """Eta = -Σ <Y_{t+1} - Y_t, G_{t-1}>/Σ <G_t, G_{t-1}>; nan where all gradients are 0."""
        instrument = self._gradients
        strength = self._inner(self._gradients, instrument)
        return -self._inner(self._changes, instrument) / strength if strength else math.nan

    def rate_error(self) -> float:
        """Its standard error: the noise's share in the numerator over the denominator."""
        strength = self._inner(self._gradients, self._gradients)
        return self.noise() * self._noise_weight(self._gradients) / abs(strength)

    def noise(self) -> float:
        """sqrt(-mean(e_t e_{t+1})), the standard deviation of xi; 0 where that is negative."""
        return math.sqrt(max(-float(self._covariances(1).mean()), 0.0))

    def variance_error(self) -> float:
        """The standard error of its square."""
        return self._standard_error(self._covariances(1), self._starts(1), 7.0)

    def misfit(self) -> float:
        """The largest of six statistics that are 0 for the right learner, in standard errors.

        - mean(e_t²) - 2 noise² and mean(e_t e_{t+2}).
        - Σ <e_t, Z_{t-1}> with what was known before xi_t was drawn: the gradients smoothed over
          the past (momentum shows), those weighted by the time (a rate that changes), and those of
          other losses.

        Statistics below 1e-3 of a step (its square for the first two) are negligible and count
        as 0.
        """
        return max([*self._serial_misfits(), *self._instrument_misfits()])

    def _serial_misfits(self) -> Iterator[float]:
        size = float(np.mean((self.rate() * self._gradients[self._starts(0)]) ** 2))
        # Variances for Gaussian noise, in noise^4 over the number of terms, by Bartlett's formula.
        departures = (
            (self._covariances(0) + 2.0 * self._covariances(1), 8.0, self._starts(1)),
            (self._covariances(2), 6.0, self._starts(2)),
        )
        for departure, factor, starts in departures:
            found = abs(float(departure.mean()))
            error = self._standard_error(departure, starts, factor)
            yield _in_errors(found, error) if found > NEGLIGIBLE**2 * size else 0.0

    def _instrument_misfits(self) -> Iterator[float]:
        noise, now = self.noise(), self._gradients[self._starts(1) + 1]
        size = self.rate() * float(np.linalg.norm(now))
        strength = self._inner(self._gradients, self._gradients)
        for known in (self._smoothed, self._later, *self._others):
            # The rate was fitted to one instrument: what that one explains of another is no news.
            share = self._inner(self._gradients, known) / strength
            news = known - share * self._gradients
            found = abs(self._inner(self._residuals, known))
            negligible = NEGLIGIBLE * size * float(np.linalg.norm(news[self._starts(1)]))
            error = noise * self._noise_weight(news)
            yield _in_errors(found, error) if found > negligible else 0.0

    @cached_property
    def _residuals(self) -> FloatArray:
        return np.asarray(self._changes + self.rate() * self._gradients)

    @property
    def _smoothed(self) -> FloatArray:
        smooth = self._gradients.copy()
        for t in range(1, len(smooth)):
            smooth[t] += MEMORY * smooth[t - 1]
        return smooth

    @property
    def _later(self) -> FloatArray:
        """Gradients times the share of all squared gradients that came before them, less a half."""
        squares = np.cumsum(np.sum(self._gradients**2, axis=1))
        return np.asarray((squares / squares[-1] - 0.5)[:, None] * self._gradients)

    def _starts(self, distance: int) -> IntArray:
        """Every t with e_t ... e_{t+distance} from consecutive steps."""
        length = max(len(self._follows) - distance, 0)
        runs = [self._follows[shift : shift + length] for shift in range(distance + 1)]
        return np.flatnonzero(np.logical_and.reduce(runs))

    def _inner(self, values: FloatArray, instrument: FloatArray) -> float:
        """Σ <values_t, instrument_{t-1}>."""
        before = self._starts(1)
        return float(np.vdot(values[before + 1], instrument[before]))

    def _noise_weight(self, instrument: FloatArray) -> float:
        """The norm of the factors that the xi have in Σ <xi_{t+1} - xi_t, instrument_{t-1}>."""
        before = self._starts(1)
        factors = np.zeros((len(self._follows) + 2, instrument.shape[1]))
        factors[before + 2] += instrument[before]
        factors[before + 1] -= instrument[before]
        return float(np.linalg.norm(factors))

    def _covariances(self, distance: int) -> FloatArray:
        """The mean over time of e_t e_{t+distance}, entry by entry, (d,)."""
        starts = self._starts(distance)
        return np.asarray(np.mean(self._residuals[starts] * self._residuals[starts + distance], 0))

    def _standard_error(self, entries: FloatArray, starts: IntArray, factor: float) -> float:
        """Of a mean over entries and times: by the scatter of the entries, or Bartlett's if larger.

        The first needs no Gaussian noise, the second holds where entries are few.
        """
        count = len(entries)
        scatter = float(entries.std()) / math.sqrt(max(count - 1, 1))
        return max(scatter, self.noise() ** 2 * math.sqrt(factor / (count * len(starts))))


def _in_errors(found: float, error: float) -> float:
    return found / error if error > 0.0 else math.inf
