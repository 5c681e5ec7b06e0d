"""The rows of ``check``: a layer at one temperature; and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sinkdiag.checks import MOST_ITERS, check_choice, check_count
from sinkdiag.columns import column
from sinkdiag.results import Status
from sinkdiag.solver.precision import Precision

Start = Literal["cold", "warm"]
Verdict = Literal["ok", "unresolved", "frozen", "uniform", "overflow", "suspicious input"]
# The gravest first: what is no input makes the rest meaningless, and a plan that is no number or
# passes no gradient is not mended by more sweeps.
GRAVITY: tuple[Verdict, ...] = (
    "suspicious input",
    "overflow",
    "frozen",
    "uniform",
    "unresolved",
    "ok",
)


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """The layer: K sweeps, from where they start, and in which arithmetic; and how much is shown.

    ``each`` says every matrix of several in sentences, instead of one summary.
    """

    iters: int = 20
    start: Start = "cold"
    dtype: Precision = "float32"
    seed: int = 0
    extended: bool = False
    each: bool = False

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        check_count("iters", self.iters, 1, MOST_ITERS)
        check_choice("start", self.start, get_args(Start))
        check_choice("dtype", self.dtype, get_args(Precision))
        check_count("seed", self.seed, 0)


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """The layer at one temperature: its K sweeps, not the fixed point."""

    eps: float = column("temperature", "cost")
    iters: int = column("K, the sweeps of the layer", "sweeps")
    start: str = column(
        "cold: from zero at every call; warm: from the g that the call before left, in cost units "
        "(of a trajectory: on the matrix before; else at eps/0.8, and so on from the costs' range "
        "down)"
    )
    marginal_error: float = column("largest relative error over both marginals of the plan P_K")
    tv: float = column("‖P_K - P*‖_1/(2N), the share of the mass in the wrong place")
    eps_lowest: float = column(
        "K sweeps are right to 1 % (tv) at every temperature from the warmest down to this one; at "
        "1e-4 of the costs' range the scan ends; inf: wrong at every temperature; nan: the matrix "
        "has more than 4e6 entries",
        "cost",
    )
    iters_needed: float = column(
        "sweeps that are right to 1 % at this eps; nan where more are needed than were tried",
        "sweeps",
    )
    gradient_gain: float = column(
        "‖dP_K/dC‖, Frobenius to Frobenius, a lower estimate; nan where rounding decides, or the "
        "sweeps are too many to store",
        "mass/cost",
    )
    saturation: float = column(
        "share of the mass in settled pairs, which hold at least 99 % of what they can: "
        "P_ij >= 0.99 min(r_i, c_j); their gradient is below 1 % of a soft pair's"
    )
    dtype: str = column("the arithmetic of the layer")
    dtype_error: float = column(
        "‖P_K in that arithmetic - P_K in float64‖_1/(2N), logsumexp sweeps; inf: costs or plan "
        "are no numbers in it"
    )
    verdict: str = column(
        "suspicious input; overflow (no numbers in the dtype); frozen (saturation 0.9 or more, or "
        "gradient below 1e-3 of max P/eps); uniform (within 1 % of rc'/N); unresolved (tv or "
        "dtype_error above 1 %); ok: the first that applies"
    )
    status: Status = column(
        "of the fixed point: converged, or stalled or max_iter (then tv is nan)"
    )
    uniformity: float = column("‖P_K - rc'/N‖_1/(2N), 0 for a plan that knows no costs",
                               extended=True)  # fmt: skip
    normalised_dtype_error: float = column(
        "dtype_error of a layer that divides exp(-(C - min C)/eps) by its sums in turn",
        extended=True,
    )
    dtype_gradient_error: float = column(
        "relative error of the gradient of <W, P_K> in that arithmetic, the worst of up to four "
        "Gaussian W; inf: no numbers; nan: no gradient",
        extended=True,
    )
    eps_soft: float = column(
        "a temperature from which up less than 90 % of the mass is settled (to a factor of 1.25); "
        "eps itself where that holds already",
        "cost",
        extended=True,
    )
