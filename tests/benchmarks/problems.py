"""What the solvers are measured on.

geometric: two uniform clouds in the unit square, squared distance; random: uniform costs, which is
also the random assignment of arXiv 2401.12253; both with marginals 1/n. digits: two of
scikit-learn's bundled 8×8 digits, enlarged to n pixels in all, intensities over their maximum plus
0.01 as masses, squared distance of pixels: the problem that arXiv 2401.12253 and 2307.08507 pose
with MNIST's larger images. Every cost is divided by its maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The digits compared, by their place in the data set: a 0 and a 1.
PAIR, FLOOR = (0, 1), 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Transport:
    """Costs (n, n) in [0, 1] and marginals (n,) of sum 1."""

    cost: np.ndarray
    row: np.ndarray
    col: np.ndarray

    @property
    def least(self):
        """The smallest mass: an absolute error below a share of it is below that share."""
        return float(min(self.row.min(), self.col.min()))


def make(kind, n):
    """The problem of this name and size, always the same."""
    if kind == "digits":
        return digits(n)
    rng, weight = np.random.default_rng(0), np.full(n, 1.0 / n)
    if kind == "random":
        cost = rng.random((n, n))
    else:
        cost = squared_distances(rng.random((n, 2)), rng.random((n, 2)))
    return Transport(cost=cost, row=weight, col=weight)


def squared_distances(x, y):
    """Over their maximum."""
    cost = ((x[:, None] - y) ** 2).sum(axis=-1)
    return cost / cost.max()


def digits(n):
    """Two digits of n pixels."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    side = round(n**0.5)
    if side * side != n or side % 8:
        raise ValueError(f"{n} pixels are no enlarged 8×8 image")
    masses = []
    for image in load_digits().images[list(PAIR)]:
        large = zoom(image, side // 8, order=1, grid_mode=True, mode="nearest")
        mass = large.ravel() / large.max() + FLOOR
        masses.append(mass / mass.sum())
    pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1)
    pixels = pixels.reshape(-1, 2) / side
    return Transport(cost=squared_distances(pixels, pixels), row=masses[0], col=masses[1])
