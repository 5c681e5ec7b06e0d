"""The learner behind a recorded run: its rate and its noise, and when the run locked in.

The costs that a layer met are Y_t = C_t + xi_t with C_{t+1} = C_t - eta G_t and G_t = dl/dC at Y_t,
the exact adjoint of the K sweeps, so that

    Y_{t+1} - Y_t = -eta G_t + xi_{t+1} - xi_t.

G_t depends on xi_t; the gradient before it does not, and serves as instrument:

    eta = -Σ <Y_{t+1} - Y_t, G_{t-1}> / Σ <G_t, G_{t-1}>,       e_t = Y_{t+1} - Y_t + eta G_t.

Of what is left, e_t = xi_{t+1} - xi_t, the autocovariances are 2, -1, 0 times the noise's variance:
the second gives the noise. Whether this learner made the record the first and the third then tell,
and that e_t has nothing to do with what was known before
(`sinkdiag.annealing.learning.record_sample`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.annealing.learning.learner import LOSSES, Learner, LearningRun, LearningState
from sinkdiag.annealing.learning.record_sample import RecordSample
from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.results import Status

# Standard errors that a statistic may lie away from what the learner has it be; there are six of
# them, and by chance one right learner in 2,500 is refused.
LIMIT = 4.0
# A rate whose standard error is more than this share of it is not told.
RATE_ERROR = 0.2
# Runs of four consecutive steps that are needed at least.
LEAST = 8


@dataclass(frozen=True, kw_only=True)
class LockIn:
    """When the argmaxes that are wrong at the end of a record changed last.

    Attributes
    ----------
    step:
        The median over those rows (of two middle ones the earlier), as the record counts steps.
    eps:
        The temperature there, cost units.
    drift_ratio:
        ‖P_t - P_{t-1}‖_F/eps of that step, mass per cost unit; nan at the first step.
    wrong_share:
        The share of known rows that are wrong at the end.
    """

    step: int
    eps: float
    drift_ratio: float
    wrong_share: float


@dataclass(frozen=True, kw_only=True)
class RecordFit:
    """What a record says of the learner that made it.

    Attributes
    ----------
    learning_rate, learning_rate_error:
        eta and its standard error, cost units squared; nan unless it is resolved and the learner
        fits.
    noise, noise_error:
        Standard deviation of xi and its standard error, cost units; nan likewise.
    misfit:
        How many standard errors the record is away from this learner, see `RecordSample.misfit`.
    steps:
        Runs of four consecutive steps that it was estimated from.
    lock_in:
        None when every known row is right at the end.
    status:
        ``converged``, or ``below_resolution`` when the rate is nan.
    finding:
        The outcome in a sentence.
    """

    learning_rate: float
    learning_rate_error: float
    noise: float
    noise_error: float
    misfit: float
    steps: int
    lock_in: LockIn | None
    status: Status
    finding: str


def fit_record(
    learner: Learner, costs: FloatArray, eps: FloatArray, step: IntArray | None = None
) -> RecordFit:
    """Rate and noise of a learner from the costs that its layer met.

    Parameters
    ----------
    learner:
        Marginals, target, K, start and loss; its own rate and noise are not used.
    costs:
        Y_t, (T, n, m), cost units; +inf where a pair is forbidden.
    eps:
        Temperature of each recorded step, (T,), cost units.
    step:
        The training step of each recorded one, increasing; default 0, 1, ... Only neighbours that
        follow each other are used.
    """
    number = np.arange(len(costs)) if step is None else step
    replay = _replayed(learner, costs, eps)
    lock_in = _lock_in(learner, replay, eps, number)
    others = [replace(learner, loss=loss) for loss in LOSSES if loss != learner.loss]
    sample = RecordSample(
        costs=costs,
        gradients=replay.gradients,
        others=[_replayed(other, costs, eps).gradients for other in others],
        number=number,
    )
    if sample.count < LEAST:
        return _untold(
            f"only {sample.count} runs of four consecutive steps are recorded: too few to tell "
            "the learning rate",
            lock_in,
            sample.count,
        )
    return _fitted(sample, lock_in)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Replay:
    """The layer run again on what it met: gradients (T, n, m), argmaxes (T, n), drift/eps (T,)."""

    gradients: FloatArray
    best: IntArray
    drift_ratio: FloatArray


def _replayed(learner: Learner, costs: FloatArray, eps: FloatArray) -> _Replay:
    run = LearningRun(replace(learner, learning_rate=0.0, noise=0.0, dtype=np.float64))
    state = LearningState(costs[0].copy())
    gradients, best = np.empty_like(costs), np.empty(costs.shape[:2], dtype=np.int64)
    ratios = np.empty(len(costs))
    for t, cost in enumerate(costs):
        state.cost = cost.copy()
        ratios[t] = run.step(state, float(eps[t])).drift_ratio
        gradients[t], best[t] = run.gradient, state.best
    return _Replay(gradients=gradients, best=best, drift_ratio=ratios)


def _lock_in(learner: Learner, replay: _Replay, eps: FloatArray, number: IntArray) -> LockIn | None:
    known = np.flatnonzero(learner.target.known)
    last = replay.best[-1]
    wrong = known[~learner.target.correct[known, last[known]]]
    if len(wrong) == 0:
        return None
    differs = replay.best[:, wrong] != last[wrong]
    # The step after the last one on which a row had another argmax; 0 if it never had.
    frozen = np.where(differs.any(axis=0), len(differs) - np.argmax(differs[::-1], axis=0), 0)
    at = int(np.sort(frozen)[(len(frozen) - 1) // 2])
    return LockIn(
        step=int(number[at]),
        eps=float(eps[at]),
        drift_ratio=float(replay.drift_ratio[at]),
        wrong_share=len(wrong) / len(known),
    )


def _fitted(sample: RecordSample, lock_in: LockIn | None) -> RecordFit:
    rate = sample.rate()
    if not rate > 0.0:
        return _untold(
            "the learner does not fit this record: its costs do not descend this loss",
            lock_in,
            sample.count,
        )
    misfit = sample.misfit()
    if misfit > LIMIT:
        return _untold(
            "the learner does not fit this record: what it leaves unexplained is "
            f"{f'{misfit:.3g} standard errors from' if math.isfinite(misfit) else 'no'} noise "
            "(another loss, number of sweeps, rate schedule or optimiser)",
            lock_in,
            sample.count,
            misfit,
        )
    error = sample.rate_error()
    if error > RATE_ERROR * rate:
        return _untold(
            f"the record tells the learning rate only to {error / rate:.0%}: its noise hides what "
            "the gradient moves",
            lock_in,
            sample.count,
            misfit,
        )
    noise, spread = sample.noise(), sample.variance_error()
    return RecordFit(
        learning_rate=rate,
        learning_rate_error=error,
        noise=noise,
        noise_error=spread / (2.0 * noise) if noise**2 > spread else math.sqrt(spread),
        misfit=misfit,
        steps=sample.count,
        lock_in=lock_in,
        status=Status.CONVERGED,
        finding=f"learning rate {rate:.4g} ± {error:.1g} (cost units squared) and noise "
        f"{noise:.4g} (cost units) explain this record",
    )


def _untold(
    finding: str, lock_in: LockIn | None, steps: int, misfit: float = math.nan
) -> RecordFit:
    return RecordFit(
        learning_rate=math.nan,
        learning_rate_error=math.nan,
        noise=math.nan,
        noise_error=math.nan,
        misfit=misfit,
        steps=steps,
        lock_in=lock_in,
        status=Status.BELOW_RESOLUTION,
        finding=finding,
    )
