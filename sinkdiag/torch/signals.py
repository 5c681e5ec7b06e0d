"""What a plan says of its layer, as tensors on its own device: O(nm), and nothing is waited for.

Plans are (…, n, m); a signal is one number a matrix, (…). Rows of mass 1 and columns of n/m are
meant unless ``row`` and ``col`` say otherwise. Nothing here carries gradients.
"""

from __future__ import annotations

import math

import torch

from sinkdiag.solver.online import GAP_ERROR, ROUNDING

# A row is hard when its largest entry carries this share of its mass.
HARD = 0.9


def drift(plan: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
    """‖P_t - P_{t-1}‖_F of each matrix, in units of mass."""
    now, before = _single(plan), _single(previous)
    if now.ndim == 2:  # one call, where each counts
        return torch.dist(now, before)
    return (now - before).flatten(-2).norm(dim=-1)


def entropy(plan: torch.Tensor, row: torch.Tensor | None = None) -> torch.Tensor:
    """-Σ P log(P/r_i)/(N log m), from 0 (each row in one place) to 1 (uniform)."""
    mass = _single(plan)
    total = -torch.special.xlogy(mass, mass).sum(dim=(-2, -1))
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
    finite = torch.isfinite(values)
    high = values.masked_fill(~finite, -math.inf).amax(dim=(-2, -1))
    low = values.masked_fill(~finite, math.inf).amin(dim=(-2, -1))
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
    c = (r.sum() / m).expand(m) if col is None else col.to(kernel)
    columns = _residuals(kernel, r, c)
    rows = _residuals(kernel.mT, c, r)
    nearer = _distance(kernel.sum(-1), r) <= _distance(kernel.sum(-2), c)
    chi = [torch.where(nearer, one, other) for one, other in zip(columns, rows, strict=True)]
    return _judged(chi, r.sum(), n + m)


def gradient_norm(gradient: torch.Tensor) -> torch.Tensor:
    """The Frobenius norm of each matrix of a gradient."""
    return _single(gradient).flatten(-2).norm(dim=-1)


def _single(values: torch.Tensor) -> torch.Tensor:
    """Without gradients, and in single precision at least: differences of halves are noise."""
    values = values.detach()
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _distance(sums: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return ((sums - wanted) ** 2 / wanted).sum(-1).sqrt()


def _residuals(kernel: torch.Tensor, r: torch.Tensor, c: torch.Tensor) -> list[torch.Tensor]:
    """Chi of the columns after rows were made exact, and after one and two sweeps more."""
    found = []
    u, v = r / kernel.sum(-1), torch.ones_like(c)
    for _ in range(3):
        total = (kernel.mT @ u.unsqueeze(-1)).squeeze(-1)
        found.append(_distance(v * total, c))
        v = c / total
        u = r / (kernel @ v.unsqueeze(-1)).squeeze(-1)
    return found


def _judged(
    chi: list[torch.Tensor], total: torch.Tensor, lines: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `sinkdiag.solver.online` judges residuals against the rounding of their sums."""
    unit = torch.finfo(chi[0].dtype).eps / 2
    hidden = ROUNDING * lines * unit * total.sqrt()
    late = chi[1] > hidden
    before, after = torch.where(late, chi[1], chi[0]), torch.where(late, chi[2], chi[1])
    ratio = after / before
    widest = (1.0 + ratio) * hidden / (ROUNDING * before * GAP_ERROR)
    moving = chi[0] > hidden
    resolved = moving & (1.0 - ratio > widest)
    rho = torch.where(resolved, ratio, math.nan)
    error = (chi[0] / (2.0 * (total * (1.0 - rho)).sqrt())).clamp(max=1.0)
    gap = torch.nan_to_num(widest, nan=1.0).clamp(max=1.0)
    least = (chi[0] / (2.0 * (total * gap).sqrt())).clamp(max=1.0)
    reading = torch.where(resolved, error, torch.where(moving, least, 0.0))
    return rho, error, reading
