"""The rows of ``pseudospectrum``: the points of a grid."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.columns import column
from sinkdiag.resolvent.pseudospectrum import Pseudospectrum


@dataclass(frozen=True, kw_only=True)
class PseudospectrumRow:
    """One point z = re + i im of the grid."""

    eps: float = column("temperature; nan for --matrix", "cost")
    re: float = column("real part of the point z")
    im: float = column("imaginary part of z")
    resolvent_norm: float = column(
        "‖(z-J)^{-1}‖, relative error below 1e-6; inf on an eigenvalue, nan where sigma_min(z-J) "
        "is below the rounding of the decomposition"
    )
    norm: str = column("plan, potential or natural; euclidean for --matrix")
    converged: bool = column(
        "whether the norm met its tolerance; otherwise it is a lower estimate, or nan",
        extended=True,
    )
    iters: int = column("K of --iters, 0 at the fixed point", "sweeps", extended=True)


def rows_of(found: Pseudospectrum) -> tuple[PseudospectrumRow, ...]:
    """One row a point, imaginary parts slowest."""
    whose, grid = found.summary, found.grid
    lines = zip(grid.im.tolist(), found.norms.tolist(), found.converged.tolist(), strict=True)
    return tuple(
        PseudospectrumRow(
            eps=whose.eps,
            re=re,
            im=im,
            resolvent_norm=value,
            norm=whose.norm,
            converged=met,
            iters=whose.iters,
        )
        for im, values, flags in lines
        for re, value, met in zip(grid.re.tolist(), values, flags, strict=True)
    )
