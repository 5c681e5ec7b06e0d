"""What `calibrate` is asked, in either of its modes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sinkdiag.annealing.learning.learner import Loss
from sinkdiag.annealing.learning.settings import LearningSettings, Start
from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL
from sinkdiag.checks import check_count, check_share
from sinkdiag.errors import ConflictError

# Settings that a replay has no use for.
_OF_LEARNERS = ("loss", "learning_rate", "immaturity")


@dataclass(frozen=True, kw_only=True)
class CalibrateSettings:
    """The options of the command; None: the default of the mode.

    Attributes
    ----------
    replay:
        Tracked runs of a layer on given costs, instead of a learner.
    fewer_sweeps:
        A replay may lower K where the user's own does not lose track.
    inner:
        Mass in the last row and column is not judged.
    others:
        See `LearningSettings`, and `CalibrationSettings` for replays.

    Raises
    ------
    InputError
        Naming the setting that is out of range, or, a `ConflictError`, belongs to the other mode.
    """

    iters: int = 20
    start: Start | None = None
    loss: Loss = "mse"
    learning_rate: float | None = None
    noise: float | None = None
    immaturity: float = 1.0
    alpha0: float | None = None
    beta: float = 1.0
    max_steps: int = 500
    collapse_tv: float = 0.1
    replicates: int = 10
    seed: int = 0
    quick: bool = False
    inner: bool = False
    replay: bool = False
    fewer_sweeps: bool = False
    noise_decay: float = 0.9
    tol: float = JUDGE_TOL
    max_iter: int = JUDGE_MAX_ITER
    extended: bool = False

    def __post_init__(self) -> None:
        if self.fewer_sweeps and not self.replay:
            raise ConflictError(
                "fewer_sweeps", "a learner is calibrated with its own K only", "add --replay"
            )
        if self.replay and self.inner:
            raise ConflictError("inner", "a replay has no truth to judge by", "drop --replay")
        if self.replay and self.quick:
            raise ConflictError("quick", "a replay knows no quick look", "give fewer --replicates")
        if self.replay:
            self._check_nothing_learns()
        check_share("noise_decay", self.noise_decay, zero=True)
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)
        _ = self.tracking if self.replay else self.learning

    def _check_nothing_learns(self) -> None:
        """Refuse a learner's settings where the costs are given."""
        for entry in fields(self):
            given = getattr(self, entry.name)
            if entry.name in _OF_LEARNERS and given != entry.default:
                raise ConflictError(entry.name, "a replay learns nothing", "drop --replay")

    @property
    def learning(self) -> LearningSettings:
        """Those of the learner."""
        return LearningSettings(
            iters=self.iters,
            start=self.start or "cold",
            loss=self.loss,
            learning_rate=self.learning_rate,
            noise=0.05 if self.noise is None else self.noise,
            immaturity=self.immaturity,
            alpha0=self.alpha0,
            beta=self.beta,
            max_steps=self.max_steps,
            collapse_tv=self.collapse_tv,
            replicates=self.replicates,
            seed=self.seed,
            quick=self.quick,
        )

    @property
    def tracking(self) -> CalibrationSettings:
        """Those of a replay."""
        return CalibrationSettings(
            iters=self.iters,
            alpha0=self.alpha0,
            beta=self.beta,
            max_steps=self.max_steps,
            replicates=self.replicates,
            noise=0.01 if self.noise is None else self.noise,
            noise_decay=self.noise_decay,
            collapse_tv=self.collapse_tv,
            cold=self.start == "cold",
            fewer_sweeps=self.fewer_sweeps,
            seed=self.seed,
            tol=self.tol,
            max_iter=self.max_iter,
        )
