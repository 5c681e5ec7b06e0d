"""What a plan says of its layer, as tensors on its own device: O(nm), and nothing is waited for.

Plans are (…, n, m); a signal is one number a matrix, (…). Rows of mass 1 and columns of n/m are
meant unless ``row`` and ``col`` say otherwise. Nothing here carries gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from sinkdiag.solver.online import GAP_ERROR, ROUNDING, read_residuals

# A row is hard when its largest entry carries this share of its mass.
HARD = 0.9


def drift(plan: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
    """‖P_t - P_{t-1}‖_F of each matrix, in units of mass."""
    now, before = _single(plan), _single(previous)
    if now.ndim == 2:  # one call, where each counts
        return torch.dist(now, before)
    return (now - before).flatten(-2).norm(dim=-1)


def drifts(plans: Sequence[torch.Tensor], work: torch.Tensor | None = None) -> torch.Tensor:
    """`drift` between each of T + 1 plans and the next, (T, …), in a few calls for all of them.

    ``work`` is room for twice as many plans (2, T + 1, …, n, m) of their type and on their device:
    memory taken anew each time would cost more than the sums.
    """
    if work is None or plans[0].dtype != work.dtype:
        whole = _single(torch.stack(list(plans)))
        return (whole[1:] - whole[:-1]).flatten(-2).norm(dim=-1)
    whole, moved = work[0, : len(plans)], work[1, 1 : len(plans)]
    torch.stack(list(plans), out=whole)
    torch.sub(whole[1:], whole[:-1], out=moved)
    return moved.flatten(-2).norm(dim=-1)


def entropy(plan: torch.Tensor, row: torch.Tensor | None = None) -> torch.Tensor:
    """-Σ P log(P/r_i)/(N log m), from 0 (each row in one place) to 1 (uniform)."""
    mass = _single(plan)
    # The smallest number takes 0 log 0 to 0 and changes nothing else; twice as fast as `xlogy`.
    total = -(mass * (mass + torch.finfo(mass.dtype).tiny).log()).sum(dim=(-2, -1))
    n, m = mass.shape[-2:]
    if row is None:
        return total / (n * math.log(m)) if m > 1 else torch.zeros_like(total)
    total = total + (mass.sum(dim=-1) * row.log()).sum(dim=-1)
    return total / (row.sum() * math.log(m)) if m > 1 else torch.zeros_like(total)


def hard_share(plan: torch.Tensor, row: torch.Tensor | None = None) -> torch.Tensor:
    """The share of rows whose largest entry carries at least 0.9 of the row's mass."""
    largest = _single(plan).amax(dim=-1)
    return (largest >= HARD * (1.0 if row is None else row)).float().mean(dim=-1)


def logit_range(cost: torch.Tensor, eps: float | torch.Tensor) -> torch.Tensor:
    """(max C - min C)/eps over the finite entries of each matrix."""
    values = _single(cost)
    none = {"nan": -math.inf, "posinf": -math.inf, "neginf": -math.inf}
    high = values.nan_to_num(**none).amax(dim=(-2, -1))
    low = values.nan_to_num(nan=math.inf, posinf=math.inf, neginf=math.inf).amin(dim=(-2, -1))
    return (high - low) / eps


def tracking(
    plan: torch.Tensor,
    row: torch.Tensor | None = None,
    col: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Contraction rho, tracking error and the reading to act on, as `online_gap_of_plan` has them.

    The side that is nearer to its marginal is made exact and two further sweeps with the plan as
    kernel are run: rho = chi_2/chi_1, error = chi_0/(2 sqrt(N (1 - rho))). Where rounding hides the
    gap, rho and error are nan and the reading is the smallest error that the residuals allow; no
    bound is taken in their place. Computed in float64 where the device has it.
    """
    wide = torch.float32 if plan.device.type == "mps" else torch.float64
    kernel = plan.detach().to(wide)
    n, m = kernel.shape[-2:]
    r = kernel.new_ones(n) if row is None else row.to(kernel)
    total = float(n) if row is None else r.sum()
    c = kernel.new_ones(m) * (total / m) if col is None else col.to(kernel)
    row_sums, col_sums = kernel.sum(-1), kernel.sum(-2)
    nearer = _distance(row_sums, r) <= _distance(col_sums, c)
    sides = ((kernel, row_sums, r, c), (kernel.mT, col_sums, c, r))
    if nearer.ndim == 0 and nearer.device.type == "cpu":  # nothing to wait for
        chi = _residuals(*sides[0 if nearer else 1])
        rho, error, reading = read_residuals(chi.numpy(), float(total), n + m)
        return chi.new_tensor(rho), chi.new_tensor(error), chi.new_tensor(reading)
    chi = torch.where(nearer, *(_residuals(*side) for side in sides))
    return _judged(chi, total, n + m)


def gradient_norm(gradient: torch.Tensor) -> torch.Tensor:
    """The Frobenius norm of each matrix of a gradient."""
    return _single(gradient).flatten(-2).norm(dim=-1)


def _single(values: torch.Tensor) -> torch.Tensor:
    """Without gradients, and in single precision at least: differences of halves are noise."""
    values = values.detach() if values.requires_grad else values
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _distance(sums: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return ((sums - wanted) ** 2 / wanted).sum(-1).sqrt()


def _residuals(
    kernel: torch.Tensor, sums: torch.Tensor, r: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """Chi of the columns after rows were made exact, and after one and two sweeps more, (3, …)."""
    totals = [_product(kernel.mT, r / sums)]
    factors = [torch.ones_like(totals[0])]
    for _ in range(2):
        factors.append(c / totals[-1])
        totals.append(_product(kernel.mT, r / _product(kernel, factors[-1])))
    return _distance(torch.stack(factors) * torch.stack(totals), c)


def _product(kernel: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Of each matrix with its vector."""
    return torch.mv(kernel, x) if kernel.ndim == 2 else (kernel @ x.unsqueeze(-1)).squeeze(-1)


def _judged(
    chi: torch.Tensor, total: float | torch.Tensor, lines: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `sinkdiag.solver.online` judges residuals against the rounding of their sums."""
    unit = torch.finfo(chi.dtype).eps / 2
    hidden = ROUNDING * lines * unit * total**0.5
    late = chi[1] > hidden
    before, after = torch.where(late, chi[1], chi[0]), torch.where(late, chi[2], chi[1])
    ratio = after / before
    widest = (1.0 + ratio) * hidden / (ROUNDING * before * GAP_ERROR)
    moving = chi[0] > hidden
    resolved = moving & (1.0 - ratio > widest)
    gap = torch.where(resolved, 1.0 - ratio, widest.nan_to_num(nan=1.0).clamp(max=1.0))
    least = (chi[0] / (2.0 * (total * gap).sqrt())).clamp(max=1.0)
    rho, error = torch.where(resolved, ratio, math.nan), torch.where(resolved, least, math.nan)
    return rho, error, torch.where(moving, least, 0.0)
