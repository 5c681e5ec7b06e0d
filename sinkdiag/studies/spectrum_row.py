"""The rows of ``spectrum``: one temperature, and one eigenvalue."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.columns import column
from sinkdiag.results import Status


@dataclass(frozen=True, kw_only=True)
class SpectrumRow:
    """One temperature; norms are those of ``norm``.

    From leading modes alone (``bound`` = lower) kappa_V, eigenvalue_condition, resolvent_norm,
    departure_from_normality and transient_peak are lower estimates.
    """

    eps: float = column("temperature", "cost")
    rho: float = column("largest eigenvalue of the Jacobian J of one sweep", "per sweep")
    gap: float = column("1 - rho, accurate relative to itself", "per sweep")
    resolvent_norm: float = column("‖(1 - J)^{-1}‖ in the norm of --norm")
    kappa_V: float = column(  # noqa: N815 - the contract's name
        "condition number of the eigenvectors, cond(R); 1 in the natural norm"
    )
    eigenvalue_condition: float = column("first-order sensitivity of rho, sqrt((Gram^{-1})_11)")
    departure_from_normality: float = column("Henrici: size of the strict upper part of RΛR^{-1}")
    transient_peak: float = column("largest ‖J^k‖ over k >= 1")
    duality_lhs: float = column("the gap, left-hand side of Theorem A.2", "per sweep")
    duality_rhs: float = column(
        "‖∂_CΦ‖/‖DS_θ‖, right-hand side of Theorem A.2: at least lhs in plan and natural; in "
        "potential kappa_V times it is"
    )
    sweeps_per_digit: float = column("-ln 10 / log1p(-gap)", "sweeps")
    sigma_2: float = column("sqrt(rho), second singular value of the scaled plan")
    components: int = column("connected components of the active support")
    marginal_error: float = column("largest relative error over both marginals of the plan")
    status: Status = column(
        "converged, frozen (gap below 1e-14, resolved), below_resolution, stalled or max_iter"
    )
    norm: str = column("the norm of --norm", extended=True)
    modes: int = column("how many modes were computed", extended=True)
    bound: str = column(
        "exact, or lower where only leading modes were computed: the five norm columns are then "
        "lower estimates",
        extended=True,
    )
    support_size: int = column("entries of the active support", extended=True)
    bifurcates: bool = column(
        "whether the active support differs from the row before", extended=True
    )
    predicted_sweeps: float = column(
        "sweeps that shrink an error by --tol at the rate rho", "sweeps", extended=True
    )
    implicit_residual: float = column(
        "relative difference of DS_θ[X] by elimination and by the modes, as the power of ten at or "
        "above it, from 1e-13; nan where rounding hides it",
        extended=True,
    )
    effective_depth: float = column(
        "layers after which every row of a stack, (diag(1/r)P)^d, is within 1 % of its limit in "
        "total variation (arXiv 2601.02080); nan for rectangular costs and beyond 2^24 layers",
        "layers",
        extended=True,
    )
    iters: int = column("K, the sweeps of the layer", "sweeps", extended=True)
    truncated_norm: float = column(
        "norm of the Jacobian of K sweeps from a cold start (plan: the metric of the K-sweep "
        "plan); nan unless u·cond(R)² is at most 1e-6, R the factor of the norm",
        extended=True,
    )
    truncated_radius: float = column("its spectral radius", extended=True)
    truncated_smallest: float = column(
        "its smallest singular value, nan where rounding hides it", extended=True
    )
    converged_norm: float = column("‖J^K‖ at the fixed point", extended=True)
    converged_radius: float = column("rho^K", extended=True)
    converged_smallest: float = column(
        "smallest singular value of J^K, nan where rounding hides it", extended=True
    )
    layer_gain: float = column(
        "‖dP_K/dC‖, Frobenius to Frobenius, a lower estimate by Lanczos; nan below "
        "1e6 (2K + 1) u max P_K / eps",
        "mass/cost",
        extended=True,
    )
    converged_gain: float = column(
        "‖dP*/dC‖, the same at the fixed point; nan below 1e6 (n + m) u max P / eps",
        "mass/cost",
        extended=True,
    )
    float32_error: float = column(
        "relative error of the gradient of <W, P_K> by logsumexp sweeps in float32, the worst of "
        "four Gaussian W (one beyond 1e6 stored entries); inf where it is no number, nan where the "
        "gradient is below 1e-6 of ‖W∘P_K‖/eps",
        extended=True,
    )
    bfloat16_error: float = column("the same in bfloat16", extended=True)
    float16_error: float = column("the same in float16", extended=True)
    normalised_float32_error: float = column(
        "the same in float32 by dividing rows and columns of exp(-(C - min C)/eps) in turn "
        "(--additive: by their sums plus a number)",
        extended=True,
    )


@dataclass(frozen=True, kw_only=True)
class EigenvalueRow:
    """One eigenvalue of J on g modulo constants."""

    eps: float = column("temperature", "cost")
    index: int = column("k >= 2 as in σ_k; the constants' λ_1 = 1 is left out")
    eigenvalue: float = column("λ_k = σ_k², nan where it is lost in rounding", "per sweep")
    condition: float = column("sqrt((Gram^{-1})_kk) in the norm of --norm")
    gap: float = column("1 - λ_k to its own accuracy", "per sweep")
