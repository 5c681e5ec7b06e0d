"""What low precision makes of a layer's gradient, for the two ways in which layers are written.

``log_domain``: potentials by logsumexp of -C/eps, with the gradient that automatic differentiation
takes: exp(exponent - LSE), which rounding keeps from summing to 1. ``alternate_normalisation``:
rows and columns of exp(-(C - min C)/eps) divided by their sums in turn (the minimum counts as a
constant), with a number added to the sums if the layer does so.

Every operation is rounded to the precision in question: computed in float32, then cut to the bits
of bfloat16 or float16, to nearest, ties to even. Sums run in float32 and are rounded once, as on
accelerators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.problem import Problem

Implementation = Literal["log_domain", "alternate_normalisation"]
Precision = Literal["float32", "bfloat16", "float16"]
Rounding = Callable[[AnyArray], AnyArray]

# A gradient below this share of ‖W∘P‖/eps is nothing that training would feel, in any precision.
NEGLIGIBLE = 1e-6
# Random cotangents, and the entries of stored half-sweeps beyond which there is one.
COTANGENTS, FEW_ABOVE = 4, 1_000_000


def _to_bfloat16(values: AnyArray) -> AnyArray:
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    cut = (bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)
    # The carry must not turn what is no number into one.
    return np.where(np.isfinite(values), cut.view(np.float32), values).reshape(values.shape)


def _to_float16(values: AnyArray) -> AnyArray:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


ROUNDINGS: dict[str, Rounding] = {
    "float64": lambda values: np.asarray(values, dtype=np.float64),
    "float32": lambda values: np.asarray(values, dtype=np.float32),
    "bfloat16": _to_bfloat16,
    "float16": _to_float16,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """K sweeps on a problem and the cotangents W (c, n, m) of P_K that are carried back.

    ``additive`` is added to the sums that `alternate_normalisation` divides by; ``init`` (m,) is
    the potential g, cost units, that `log_domain` starts from (None: 0).
    """

    problem: Problem
    eps: float
    iters: int
    cotangents: FloatArray
    additive: float = 0.0
    init: FloatArray | None = None

    def inputs(self, cut: Rounding) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Cost, eps and cotangents as they arrive in a precision."""
        wide = np.float64 if cut is ROUNDINGS["float64"] else np.float32
        given = (self.problem.cost, np.asarray(self.eps), self.cotangents)
        cost, eps, cotangents = (cut(np.asarray(part).astype(wide)) for part in given)
        return cost, eps, cotangents


def log_domain_plan(call: LayerCall, cut: Rounding) -> AnyArray:
    """P_K (n, m) by logsumexp sweeps."""
    return _log_domain(call, cut, keep=False).plan


def log_domain(call: LayerCall, cut: Rounding) -> AnyArray:
    """Gradients (c, n, m) of <W, P_K> in the cost by logsumexp sweeps and reverse accumulation."""
    _, eps, cotangents = call.inputs(cut)
    run = _log_domain(call, cut)
    gradient = cut(cotangents * run.plan)
    back = [cut(gradient.sum(axis=-2)), cut(gradient.sum(axis=-1))]
    for axis, exponent, total in reversed(run.steps):
        share = cut(np.exp(cut(exponent - np.expand_dims(total, axis))))
        part = cut(np.expand_dims(-back[axis], axis - 2) * share)
        gradient = cut(gradient + part)
        back[1 - axis] = cut(back[1 - axis] + cut(part.sum(axis=-1 - axis)))
        back[axis] = np.zeros_like(back[axis])
    return cut(-gradient / eps)


def normalised_plan(call: LayerCall, cut: Rounding) -> AnyArray:
    """P_K (n, m) by dividing by sums, rows and columns in turn."""
    return _normalised(call, cut, keep=False).plan


def alternate_normalisation(call: LayerCall, cut: Rounding) -> AnyArray:
    """Gradients (c, n, m) of <W, P_K> in the cost by dividing by sums, rows and columns in turn."""
    _, eps, gradient = call.inputs(cut)
    run = _normalised(call, cut)
    for axis, share, total in reversed(run.steps):
        inner = cut(gradient * np.expand_dims(run.marginals[axis], axis))
        flow = cut(inner * cut(share / total)).sum(axis=axis + 1, keepdims=True)
        gradient = cut(cut(inner / total) - cut(flow))
    return cut(-cut(gradient * run.kernel) / eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """The half-sweeps of a layer: axis, what a derivative needs of each, and the plan."""

    steps: list[tuple[int, AnyArray, AnyArray]]
    plan: AnyArray
    marginals: list[AnyArray]
    kernel: AnyArray


def _log_domain(call: LayerCall, cut: Rounding, *, keep: bool = True) -> _Run:
    """Exponent and LSE of every half-sweep."""
    cost, eps, _ = call.inputs(cut)
    scaled = cut(-cost / eps)
    logs = [cut(np.log(part).astype(cost.dtype)) for part in (call.problem.col, call.problem.row)]
    # potentials[1] belong to the rows, whose sums run along axis 1; potentials[0] to the columns.
    potentials = [np.zeros_like(part) for part in logs]
    if call.init is not None:
        potentials[0] = cut((call.init / call.eps).astype(cost.dtype))
    steps = []
    for step in range(2 * call.iters + 1):
        axis = 1 - step % 2
        exponent = cut(scaled + np.expand_dims(potentials[1 - axis], 1 - axis))
        total = _logsumexp(exponent, axis, cut)
        potentials[axis] = cut(logs[axis] - total)
        if keep:
            steps.append((axis, exponent, total))
    plan = cut(np.exp(cut(cut(scaled + potentials[1][:, None]) + potentials[0])))
    return _Run(steps=steps, plan=plan, marginals=logs, kernel=scaled)


def _normalised(call: LayerCall, cut: Rounding, *, keep: bool = True) -> _Run:
    """Shares and sums of every half-sweep, from zero whatever ``init`` is."""
    cost, eps, _ = call.inputs(cut)
    kernel = plan = cut(np.exp(cut(-cut(cost - cost.min()) / eps)))
    marginals = [cut(part.astype(cost.dtype)) for part in (call.problem.col, call.problem.row)]
    extra = cut(np.asarray(call.additive, dtype=cost.dtype))
    steps = []
    for step in range(2 * call.iters + 1):
        axis = 1 - step % 2
        total = np.expand_dims(cut(cut(plan.sum(axis=axis)) + extra), axis)
        share = cut(plan / total)
        plan = cut(share * np.expand_dims(marginals[axis], axis))
        if keep:
            steps.append((axis, share, total))
    return _Run(steps=steps, plan=plan, marginals=marginals, kernel=kernel)


IMPLEMENTATIONS: dict[Implementation, Callable[[LayerCall, Rounding], AnyArray]] = {
    "log_domain": log_domain,
    "alternate_normalisation": alternate_normalisation,
}

PLANS: dict[Implementation, Callable[[LayerCall, Rounding], AnyArray]] = {
    "log_domain": log_domain_plan,
    "alternate_normalisation": normalised_plan,
}


def layer_call(
    problem: Problem,
    eps: float,
    iters: int,
    *,
    additive: float = 0.0,
    init: FloatArray | None = None,
    seed: int = 0,
) -> LayerCall:
    """K sweeps with Gaussian cotangents: four, or one where the layer is large."""
    count = COTANGENTS if (2 * iters + 1) * problem.cost.size <= FEW_ABOVE else 1
    shape = (count, *problem.cost.shape)
    return LayerCall(
        problem=problem,
        eps=eps,
        iters=iters,
        cotangents=np.random.default_rng(seed).standard_normal(shape),
        additive=additive,
        init=init,
    )


def gradient_errors(
    call: LayerCall, exact: FloatArray, plan: FloatArray, precision: Precision
) -> dict[Implementation, float]:
    """Relative error of each implementation's gradient in a precision, the worst cotangent's.

    ``exact`` (c, n, m) are the gradients in float64 and ``plan`` is P_K. ‖v - exact‖_F/‖exact‖_F;
    inf where v is no number; nan where every exact gradient is below 1e-6 of ‖W∘P_K‖_F/eps. With
    an additive number the alternate normalisation is compared with itself in float64.
    """
    felt = _sizes(exact) * call.eps > NEGLIGIBLE * _sizes(call.cotangents * plan)
    errors: dict[Implementation, float] = {}
    for name, gradient in IMPLEMENTATIONS.items():
        # What leaves the precision's range is the finding, not a fault.
        with np.errstate(all="ignore"):
            wanted = exact
            if call.additive and name == "alternate_normalisation":
                wanted = gradient(call, ROUNDINGS["float64"])
            rough = gradient(call, ROUNDINGS[precision]).astype(np.float64)
            error = _sizes(rough - wanted) / _sizes(wanted)
        error[~np.isfinite(error)] = np.inf
        errors[name] = float(error[felt].max(initial=-np.inf)) if felt.any() else float("nan")
    return errors


def plan_errors(
    call: LayerCall, plan: FloatArray, precision: Precision
) -> dict[Implementation, float]:
    """‖P_K - plan‖_1 / (2N) of each implementation in a precision.

    inf where the plan is no number, and where a finite cost is none: that the sweeps then go on, as
    if the pair were forbidden, makes it no better.
    """
    errors: dict[Implementation, float] = {}
    with np.errstate(over="ignore"):
        cost = ROUNDINGS[precision](call.problem.cost.astype(np.float32))
    if not np.array_equal(np.isfinite(cost), np.isfinite(call.problem.cost)):
        return dict.fromkeys(PLANS, float("inf"))
    for name, run in PLANS.items():
        with np.errstate(all="ignore"):
            rough = run(call, ROUNDINGS[precision]).astype(np.float64)
        error = float(np.abs(rough - plan).sum()) / (2.0 * call.problem.total)
        errors[name] = error if np.isfinite(error) else float("inf")
    return errors


def _sizes(stack: FloatArray) -> FloatArray:
    """Frobenius norms (c,), brought to size 1 before anything is squared."""
    top = np.abs(stack).max(axis=(1, 2), keepdims=True)
    unit = np.divide(stack, top, out=np.zeros_like(stack), where=top > 0)
    return np.asarray(top[:, 0, 0] * np.sqrt((unit * unit).sum(axis=(1, 2))))


def _logsumexp(exponent: AnyArray, axis: int, cut: Rounding) -> AnyArray:
    top = exponent.max(axis=axis, keepdims=True)
    total = cut(cut(np.exp(cut(exponent - top))).sum(axis=axis))
    return cut(cut(np.log(total)) + top.squeeze(axis))
