"""What a stack of projected matrices does to the streams, over its depth.

X_{l+1} = H_l X_l with H_l the matrix that the network mixes by, most often the transpose of the
stored one, so that H_total = H_L ⋯ H_1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.depth import CONTRAST

# A second singular value below this many rounding units of the product is rounding itself.
_NOISE = 16 * 2.0**-53
# Share of a composite's second singular value that the rounding of its float32 factors may be.
_UNSURE = 0.1


@dataclass(frozen=True, kw_only=True)
class Composite:
    """H_d ⋯ H_1 of the first ``depth`` sites.

    Attributes
    ----------
    sigma_2:
        Its second singular value, not normalised; nan where the rounding of the factors, float32
        matrices, or that of their product decides it.
    forward, backward:
        Largest absolute row sum and largest absolute column sum: gains of signal and gradient.
    contrast:
        Largest total variation between a row, divided by its sum, and the uniform one.
    """

    depth: int
    sigma_2: float
    forward: float
    backward: float
    contrast: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Composites:
    """The numbers of `Composite` for several products: arrays (k,)."""

    sigma_2: FloatArray
    forward: FloatArray
    backward: FloatArray
    contrast: FloatArray


@dataclass(frozen=True, kw_only=True)
class Course:
    """The composites of growing depth, and the depth at which a signal is uniform.

    ``effective_depth``: the least depth whose composite and every deeper one has a contrast of at
    most 1 %; nan where the stack ends before.
    """

    points: tuple[Composite, ...]
    effective_depth: float

    @property
    def total(self) -> Composite:
        """That of the whole stack."""
        return self.points[-1]


def course_of(mixers: Sequence[FloatArray]) -> Course:
    """The composites of mixers H_1, H_2, … (n, n), in network order; at least one."""
    product, doubt = np.eye(len(mixers[0])), 0.0
    points = []
    for depth, mixer in enumerate(mixers, 1):
        product = mixer @ product
        doubt += float(rounding_shares(mixer[None])[0])
        points.append(composite_of(product, depth, doubt))
    return Course(points=tuple(points), effective_depth=_uniform_from(points))


def rounding_shares(mixers: FloatArray) -> FloatArray:
    """How much of each σ_2 float32 rounding of a matrix may be, n u/σ_2, of mixers (k, n, n).

    To first order in a product the shares of the factors add up.
    """
    sigma = second_singular_values(mixers)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(sigma > 0.0, mixers.shape[-1] * 2.0**-24 / sigma, math.inf))


def composite_of(product: FloatArray, depth: int, doubt: float) -> Composite:
    """The numbers of one product; ``doubt`` is the sum of its factors' `rounding_shares`."""
    found = composites_of(product[None], depth, np.array([doubt]))
    return Composite(
        depth=depth,
        sigma_2=float(found.sigma_2[0]),
        forward=float(found.forward[0]),
        backward=float(found.backward[0]),
        contrast=float(found.contrast[0]),
    )


def composites_of(products: FloatArray, depth: int, doubts: FloatArray) -> Composites:
    """Those of several products (k, n, n) of ``depth`` factors, with a doubt (k,) each."""
    size = np.abs(products)
    sigma = second_singular_values(products)
    if products.shape[-1] > 1:
        first = np.linalg.norm(np.where(np.isfinite(products), products, 0.0), 2, axis=(1, 2))
        known = (doubts <= _UNSURE) & (sigma > _NOISE * depth * first)
        sigma = np.where(known, sigma, math.nan)
    return Composites(
        sigma_2=sigma,
        forward=size.sum(axis=2).max(axis=1),
        backward=size.sum(axis=1).max(axis=1),
        contrast=uniform_distances(products),
    )


def second_singular_value(matrix: FloatArray) -> float:
    """The second singular value; 0 for a single stream, and where all entries are equal."""
    return float(second_singular_values(matrix[None])[0])


def second_singular_values(matrices: FloatArray) -> FloatArray:
    """`second_singular_value` of each of (k, n, n); nan where one is not finite."""
    if matrices.shape[-1] == 1:
        return np.zeros(len(matrices))
    finite = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    safe = np.where(finite[:, None, None], matrices, 0.0)
    second = np.linalg.svd(safe, compute_uv=False)[:, 1]
    # Without a constant, a matrix of rank 1, the first one is no smaller (Weyl), and exactly 0 for
    # equal entries, where the decomposition leaves rounding.
    bound = np.linalg.norm(safe - safe[:, :1, :1], 2, axis=(1, 2))
    return np.asarray(np.where(finite, np.minimum(second, bound), math.nan))


def uniform_distance(matrix: FloatArray) -> float:
    """Largest total variation between a row, divided by its sum, and the uniform one."""
    return float(uniform_distances(matrix[None])[0])


def uniform_distances(matrices: FloatArray) -> FloatArray:
    """`uniform_distance` of each of (k, n, n); nan where rows have no share."""
    return _row_distances(matrices, np.full(matrices.shape[-2:], 1.0 / matrices.shape[-1]))


def identity_distance(matrix: FloatArray) -> float:
    """Largest total variation between a row, divided by its sum, and the identity's."""
    return float(_row_distances(matrix[None], np.eye(len(matrix)))[0])


def _row_distances(matrices: FloatArray, wanted: FloatArray) -> FloatArray:
    sums = matrices.sum(axis=2, keepdims=True)
    usable = (sums > 0.0).all(axis=(1, 2)) & np.isfinite(matrices).all(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = matrices / sums
        distances = 0.5 * np.abs(shares - wanted).sum(axis=2).max(axis=1)
    return np.asarray(np.where(usable, distances, math.nan))


def _uniform_from(points: Sequence[Composite]) -> float:
    depth = math.nan
    for point in reversed(points):
        if not point.contrast <= CONTRAST:
            return depth
        depth = float(point.depth)
    return depth
