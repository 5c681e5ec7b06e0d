"""The rows of ``stack``: one site, one difference between two networks, one site over tokens."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.columns import column
from sinkdiag.results import Status


@dataclass(frozen=True, kw_only=True)
class StackRow:
    """One place where the network projects a matrix, by its static logits."""

    layer: int = column("number of the layer, as the tensor's name has it; -1 without one")
    site: str = column("which projection of the layer, as the tensor's name has it")
    streams: int = column("n: streams that the n×n matrix mixes")
    logit_range: float = column("largest minus smallest static logit, before the temperature")
    sigma_2: float = column(
        "second singular value of the matrix after the implementation's own loop: what is left of "
        "a difference between streams"
    )
    gap: float = column("1 - σ_2² of the fixed point of exp(logits/temperature)", "per sweep")
    row_error: float = column("largest |row sum - 1| of the matrix after the loop")
    col_error: float = column("largest |column sum - 1| of the matrix after the loop")
    gradient_norm: float = column("‖dP/dlogits‖₂ of the whole loop, in float64")
    gradient_norm_float32: float = column(
        "the same as automatic differentiation has it in float32, the loop's own precision"
    )
    gradient_norm_bfloat16: float = column("the same were everything bfloat16; decides no verdict")
    identity_distance: float = column("largest total variation between a row and the identity's")
    uniform_distance: float = column("largest total variation between a row and the uniform one")
    verdict: str = column(
        "broken: a row or column misses 1 by over 1 %, or is no number; frozen: no gradient moves "
        "a logit (--optimizer, --lr); uniform: uniform_distance <= 1 %; else mixing"
    )
    cause: str = column("why, in words")
    remedy: str = column("what helps, in words")
    dynamic_bound: float = column(
        "no input moves a logit by more: largest |d_ij| over all inputs, from the weights; nan "
        "where the file does not say"
    )
    dynamic_typical: float = column(
        "root mean square of the largest d_ij, were the normed input's entries independent"
    )
    key: str = column("the module's name in the checkpoint")
    status: Status = column("how the gap's fixed point ended")
    range_bound: float = column("no input spreads the logits over more", extended=True)
    sigma_2_fixed: float = column(
        "σ_2 of the fixed point of exp(logits/temperature)", extended=True
    )
    sweep_distance: float = column(
        "largest entry of |loop - fixed point of its own start|: too few sweeps, denominators, "
        "rounding",
        extended=True,
    )
    start_distance: float = column(
        "largest entry of |fixed point of the start - fixed point of exp(logits/temperature)|: "
        "what is added to the softmax",
        extended=True,
    )
    float32_error: float = column(
        "‖J_float32 - J‖₂/‖J‖₂ of the gradient; beyond 20 streams of its norm alone", extended=True
    )
    frozen_sgd: bool = column("whether lr·‖J‖ < u·median|logits|, or ‖J‖ < 1e-8", extended=True)
    frozen_adam: bool = column("whether ‖J‖ < 1e-8", extended=True)


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """One site of two networks, or of two ways to run one; H is what mixes the streams."""

    layer: int = column("number of the layer")
    site: str = column("which projection of the layer")
    logit_distance: float = column("largest |logit of the one - logit of the other|")
    mixer_distance: float = column("largest entry of |H of the one - H of the other|")
    transpose_distance: float = column("largest entry of |H of the one - H' of the other|")
    sigma_2: float = column("second singular value of the one's matrix")
    sigma_2_against: float = column("that of the other's")
    line_error: float = column("largest |row or column sum - 1| of the one's matrix")
    line_error_against: float = column("that of the other's")
    verdict: str = column("of the one")
    verdict_against: str = column("of the other")
    finding: str = column(
        "same (within 1e-6); transposed: H' is the same, which no sum of rows or columns can see; "
        "nearly transposed: ten times closer than H; or different"
    )
    key: str = column("the module's name in the checkpoint")


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """One site over recorded tokens."""

    layer: int = column("number of the layer")
    site: str = column("which projection of the layer")
    tokens: int = column("how many were recorded")
    logit_range: float = column("median range of a token's logits")
    sigma_2_low: float = column("σ_2 that 5 % of the tokens are below")
    sigma_2_median: float = column("median σ_2 of a token's matrix")
    sigma_2_high: float = column("σ_2 that 5 % of the tokens are above")
    uniform_share: float = column("share of tokens whose matrix is uniform within 1 %")
    broken_share: float = column("share of tokens with a row or column that misses 1 by over 1 %")
    key: str = column("the module's name in the checkpoint")
