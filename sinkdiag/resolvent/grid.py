"""Where to look: automatic axes, the grid of points, and the levels worth drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import ComplexArray, FloatArray
from sinkdiag.errors import InputError
from sinkdiag.resolvent.triangular import Triangular

# Finest and coarsest automatic grid (points along the longer side), by the order of the matrix.
_SIDES = ((200, 100), (500, 72), (1000, 60))
_COARSEST = 52
# Extent of a spectrum that a grid still resolves, relative to its distance from 0.
_NARROWEST = 1e-9
_MAX_LEVELS = 8
# A choice of drawing, not a verdict: below this kappa(V) each level curve is within a factor 3 of
# circles round the eigenvalues, and more than `_FEW_LEVELS` of them show nothing new.
_FEW_BELOW, _FEW_LEVELS = 3.0, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """A rectangle of points z = re + i im, with offsets counted from ``origin``.

    An even number of imaginary parts, symmetric about 0, halves the work for real matrices and
    keeps the points off the real eigenvalues.
    """

    re: FloatArray
    im: FloatArray
    origin: float

    @property
    def offsets(self) -> ComplexArray:
        """Offsets z - origin, shape (len(im), len(re))."""
        return (self.re - self.origin)[None, :] + 1j * self.im[:, None]

    @property
    def points(self) -> ComplexArray:
        """Points z, shape (len(im), len(re))."""
        return self.re[None, :] + 1j * self.im[:, None]


def automatic_axes(matrix: Triangular) -> tuple[float, float, float, float]:
    """(re_min, re_max, im_min, im_max): the spectrum, and for a Jacobian z = 1, with a margin.

    The margin is half the larger extent of the spectrum, or the size of the off-diagonal part where
    the eigenvalues crowd at one point; 1, or their distance from 0, where they are one point to
    nine digits (a frozen Jacobian: no grid around 1 can tell them apart).
    """
    marks = np.append(matrix.eigenvalues, matrix.origin)
    left, right = float(marks.real.min()), float(marks.real.max())
    low, high = float(marks.imag.min()), float(marks.imag.max())
    size = max(matrix.size, 1)
    pull = float(np.linalg.norm(matrix.strict)) / math.sqrt(size)
    extent = max(right - left, high - low, 2.0 * pull)
    farthest = float(np.abs(marks).max())
    margin = _nice(0.4 * extent) if extent > _NARROWEST * farthest else _nice(max(farthest, 1.0))
    step = margin / 2.0
    if matrix.mirrored:
        high = max(high, -low)
        low = -high
    edges = (left - margin, right + margin, low - margin, high + margin)
    return (
        math.floor(edges[0] / step + 1e-9) * step,
        math.ceil(edges[1] / step - 1e-9) * step,
        math.floor(edges[2] / step + 1e-9) * step,
        math.ceil(edges[3] / step - 1e-9) * step,
    )


def make_grid(
    matrix: Triangular,
    axes: tuple[float, float, float, float] | None = None,
    shape: tuple[int, int] | None = None,
) -> Grid:
    """The grid on given or automatic axes; ``shape`` is (points along re, points along im).

    Raises
    ------
    InputError
        When the axes are so narrow that neighbouring points are the same number.
    """
    left, right, low, high = axes if axes is not None else automatic_axes(matrix)
    columns, rows = (
        shape if shape is not None else _automatic_shape(matrix, right - left, high - low)
    )
    re, im = np.linspace(left, right, columns), _symmetric(low, high, rows)
    if not (np.diff(re) > 0.0).all() or not (np.diff(im) > 0.0).all():
        raise InputError(
            "axes", f"no {columns}×{rows} different points fit between them", "widen the axes"
        )
    return Grid(re=re, im=im, origin=matrix.origin)


def automatic_levels(
    norms: FloatArray, kappa: float | None = None, floor: float = 0.0
) -> tuple[float, ...]:
    """Levels eps of the curves ‖(z-T)^{-1}‖ = 1/eps that the grid shows, descending.

    Half decades where that gives few curves, otherwise whole decades or multiples of them; the
    outermost is the largest that closes inside the grid. Three where kappa(V) is below 3.

    Parameters
    ----------
    norms:
        Resolvent norms on the grid, shape (rows, columns).
    kappa:
        Condition number of the eigenvectors, if known.
    floor:
        No level is below a hundred times this.
    """
    with np.errstate(divide="ignore"):
        sigma = 1.0 / norms
    edge = np.concatenate([sigma[0], sigma[-1], sigma[:, 0], sigma[:, -1]])
    edge = edge[edge > 0]
    top = float(edge.min()) if edge.size else 0.0
    # The grid's smallest sigma hangs on how close a point falls to an eigenvalue: stop short of it.
    positive = sigma[(sigma > 0) & np.isfinite(sigma)]
    bottom = float(np.quantile(positive, 0.002)) if positive.size else 0.0
    bottom = max(bottom, 100.0 * floor)
    if not (math.isfinite(top) and top > 0 and bottom > 0):
        return (1e-1, 1e-2, 1e-3)
    highest = math.floor(2.0 * math.log10(top) + 1e-9) / 2.0
    lowest = min(math.log10(bottom), highest - 1.0)
    few = kappa is not None and kappa < _FEW_BELOW
    most = _FEW_LEVELS if few else _MAX_LEVELS
    step = next((s for s in (0.5, 1.0, 2.0, 3.0, 5.0) if (highest - lowest) / s < most), 10.0)
    if few:
        return tuple(10.0 ** (highest - 0.5 * i) for i in range(_FEW_LEVELS))
    if step >= 1.0:
        highest = math.floor(highest)
    count = max(2, int((highest - lowest) / step + 1e-9) + 1)
    return tuple(10.0 ** (highest - step * i) for i in range(min(count, _MAX_LEVELS)))


def _automatic_shape(matrix: Triangular, width: float, height: float) -> tuple[int, int]:
    side = next((s for size, s in _SIDES if matrix.size <= size), _COARSEST)
    ratio = min(max(width / height, 0.5), 2.0)
    # The same number of points as a square grid of that side, and about the same step both ways.
    columns = 2 * round(side * math.sqrt(ratio) / 2.0)
    rows = 2 * math.ceil(side * side / columns / 2.0)
    return columns, rows


def _symmetric(low: float, high: float, rows: int) -> FloatArray:
    """Equally spaced values; exactly symmetric when low = -high, so that mirrored points agree."""
    values = np.linspace(low, high, rows)
    return 0.5 * (values - values[::-1]) if low == -high else values


def _nice(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten, from above."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= value * (1 - 1e-12))
