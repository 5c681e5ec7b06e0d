"""The rows of ``report``, one answered question each; what the page shows of long sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sinkdiag.columns import column
from sinkdiag.results import Status

Verdict = Literal["ok", "act", "unknown"]


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """One question that users ask, and its answer."""

    topic: str = column(
        "input: is sign or scale suspicious; temperature: which eps is sane; sweeps: are K enough; "
        "float32, bfloat16, float16: does the arithmetic hold; gradient: is it alive; contraction: "
        "what does a sweep take off an error; derivative: how strongly does the plan answer; "
        "cooling: is a controller needed, and which; schedule: which one reaches the optimum; "
        "network: are the hyper-connections alive"
    )
    verdict: str = column("ok; act: something is to be done, the answer says what; unknown")
    value: float = column(
        "the number behind the answer: temperature (cost) from which up or down to which the layer "
        "is sane, or its own where that is sane; sweeps needed; share of the mass that the "
        "arithmetic moves; ‖dP_K/dC‖ (mass/cost); sweeps per digit; ‖dP/dC‖ (mass/cost); k_safe "
        "(mass/cost); suboptimality (cost·mass); sites that are not mixing; nan: none"
    )
    eps: float = column("temperature that the answer is about; nan: about none", "cost")
    section: str = column("the section, which is the command, that it comes from")
    answer: str = column("the answer in words, with what to do")


@dataclass(frozen=True, kw_only=True)
class PseudospectrumOutline:
    """One pseudospectrum on the page, without its grid."""

    eps: float = column("temperature", "cost")
    norm: str = column("norm of perturbations")
    kappa_V: float = column("condition of the eigenvectors")  # noqa: N815 - the contract's name
    numerical_radius: float = column("largest |b'GJb| over unit b")
    kreiss_lower: float = column("lower bound of the Kreiss constant")
    kreiss_upper: float = column("upper bound of it")
    transient_peak: float = column("largest ‖J^k‖, k >= 1")
    status: Status = column("of the fixed point and the decomposition")


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """What the answers are about, how many ask for something, and the sections that were made.

    ``eps`` (cost units) is the layer's temperature; nan, like ``iters`` 0, of a checkpoint.
    """

    name: str
    about: str
    eps: float
    iters: int
    act: int
    sections: tuple[str, ...]
