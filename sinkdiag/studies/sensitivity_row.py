"""The rows of `sensitivity`, and how they are made from what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.columns import column
from sinkdiag.derivatives.response import Response
from sinkdiag.results import Status, worst


@dataclass(frozen=True, kw_only=True)
class SensitivityRow:
    """One temperature; the first eight columns are those of the paper's appendix A.9.

    Of a batch columns 2 to 6 are means over its members.
    """

    eps: float = column("temperature", "cost")
    op_norm: float = column(
        "‖DS‖ with DS = dP/dC, the exact derivative; spectral norm on Frobenius matrices",
        "mass/cost",
    )
    C0_est: float = column("eps·op_norm", "mass")
    dS_de_norm: float = column("‖dP/deps‖_F", "mass/cost")  # noqa: N815 - the paper's names
    K1_est: float = column("eps·dS_de_norm", "mass")
    K2_est: float = column(
        "eps²·‖D²S‖, a lower estimate (best of at least 10 starts); the paper never defines K2, "
        "and eps²·dS_de_norm is the other reading",
        "mass",
    )
    rho_mean: float = column(
        "rate of one sweep, rho = 1 - gap: mean over jittered copies of the matrix (Gaussian, "
        "1e-2·std(C), without the original), or over the batch",
        "per sweep",
    )
    rho_std: float = column("its standard deviation over the same (ddof 1)", "per sweep")
    gap: float = column(
        "1 - rho of the matrix itself (a batch: the mean)", "per sweep", extended=True
    )
    op_norm_std: float = column(
        "standard deviation of op_norm over the replicates", "mass/cost", extended=True
    )
    dS_de_std: float = column(  # noqa: N815
        "standard deviation of dS_de_norm over the replicates", "mass/cost", extended=True
    )
    K2_std: float = column(
        "standard deviation of K2_est over the replicates", "mass", extended=True
    )
    op_norm_slope: float = column("local slope d log op_norm/d log eps", extended=True)
    dS_de_slope: float = column(  # noqa: N815
        "local slope d log dS_de_norm/d log eps", extended=True
    )
    gap_slope: float = column("local slope d log gap/d log eps", extended=True)
    K2_spread: float = column(
        "relative distance between the best and the worst start of K2_est that was run to the end",
        extended=True,
    )
    bound: float = column("max(P)/eps >= op_norm", "mass/cost", extended=True)
    paper_M_norm: float = column(  # noqa: N815
        "‖B'A^+B‖/eps: the paper's Eq. 14, which leaves out the direct term and is not the "
        "derivative",
        "mass/cost",
        extended=True,
    )
    support_size: int = column("entries of the active support S", extended=True)
    components: int = column("connected components of S", extended=True)
    cycles: int = column("independent cycles of S", extended=True)
    status: Status = column("gravest status of everything in the row", extended=True)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The gap of one replicate at one temperature."""

    gap: float
    status: Status


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """All that the rows of one matrix or batch are made from, temperatures descending.

    Attributes
    ----------
    eps:
        Temperatures, shape (k,), cost units.
    curves:
        Responses of each matrix that columns 2 to 6 are means of.
    spread:
        Responses of each replicate; none where they were not measured.
    rates:
        Gaps of each replicate.
    """

    eps: FloatArray
    curves: tuple[tuple[Response, ...], ...]
    spread: tuple[tuple[Response, ...], ...]
    rates: tuple[tuple[Rate, ...], ...]

    def slopes(self, read: Callable[[Response], float]) -> FloatArray:
        """Local slopes in eps of the mean over the matrices."""
        found = np.array([[read(response) for response in curve] for curve in self.curves])
        return local_slopes(self.eps, found.mean(axis=0))


def sensitivity_rows(measured: Measured) -> tuple[SensitivityRow, ...]:
    """One row a temperature."""
    slopes = np.stack([measured.slopes(read) for read in (_op_norm, _rise, _gap)], axis=1)
    return tuple(_row(measured, k, slopes[k]) for k in range(len(measured.eps)))


def _row(measured: Measured, k: int, slopes: FloatArray) -> SensitivityRow:
    now = [curve[k] for curve in measured.curves]
    copies = [curve[k] for curve in measured.spread]
    rates = [run[k] for run in measured.rates]
    eps, op_norm, rise = float(measured.eps[k]), _mean(_op_norm, now), _mean(_rise, now)
    return SensitivityRow(
        eps=eps,
        op_norm=op_norm,
        C0_est=eps * op_norm,
        dS_de_norm=rise,
        K1_est=eps * rise,
        K2_est=_mean(_second, now),
        rho_mean=mean_rate([rate.gap for rate in rates]),
        rho_std=deviation([rate.gap for rate in rates]),
        gap=_mean(_gap, now),
        op_norm_std=deviation([_op_norm(copy) for copy in copies]),
        dS_de_std=deviation([_rise(copy) for copy in copies]),
        K2_std=deviation([_second(copy) for copy in copies]),
        op_norm_slope=float(slopes[0]),
        dS_de_slope=float(slopes[1]),
        gap_slope=float(slopes[2]),
        K2_spread=max(response.cubic.spread for response in now),
        bound=max(response.max_plan for response in now) / eps,
        paper_M_norm=_mean(lambda response: response.M_norm, now),
        support_size=max(response.support.size for response in now),
        components=max(response.support.components for response in now),
        cycles=max(response.cycles for response in now),
        status=worst([each.status for each in now] + [rate.status for rate in rates]),
    )


def _op_norm(response: Response) -> float:
    return response.op_norm


def _rise(response: Response) -> float:
    return response.dS_de_norm


def _second(response: Response) -> float:
    return response.cubic.value


def _gap(response: Response) -> float:
    return response.gap


def _mean(read: Callable[[Response], float], responses: Sequence[Response]) -> float:
    return float(np.mean([read(response) for response in responses]))


def mean_rate(gaps: Sequence[float]) -> float:
    """Mean of 1 - gap without its rounding below 0; nan with no gap or an unresolved one."""
    return float(np.maximum(1.0 - np.mean(gaps), 0.0)) if len(gaps) else math.nan


def deviation(values: Sequence[float]) -> float:
    """Standard deviation with ddof = 1; nan for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def local_slopes(eps: FloatArray, curve: FloatArray) -> FloatArray:
    """Slopes d log curve/d log eps: central differences, one-sided at both ends, else nan."""
    slopes = np.full(len(eps), math.nan)
    usable = np.isfinite(curve) & (curve > 0)
    for k in range(len(eps)):
        left, right = max(k - 1, 0), min(k + 1, len(eps) - 1)
        if left < right and usable[left] and usable[right]:
            slopes[k] = math.log(curve[left] / curve[right]) / math.log(eps[left] / eps[right])
    return slopes
