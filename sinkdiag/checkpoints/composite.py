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
        doubt += rounding_share(mixer)
        points.append(composite_of(product, depth, doubt))
    return Course(points=tuple(points), effective_depth=_uniform_from(points))


def rounding_share(mixer: FloatArray) -> float:
    """How much of its second singular value float32 rounding of a matrix may be: n u/σ_2.

    To first order in a product the shares of the factors add up.
    """
    sigma = second_singular_value(mixer)
    return len(mixer) * 2.0**-24 / sigma if sigma > 0.0 else math.inf


def composite_of(product: FloatArray, depth: int, doubt: float) -> Composite:
    """The numbers of one product; ``doubt`` is the sum of its factors' `rounding_share`."""
    if not np.all(np.isfinite(product)):
        nan = math.nan
        return Composite(depth=depth, sigma_2=nan, forward=nan, backward=nan, contrast=nan)
    size = np.abs(product)
    sigma, first = second_singular_value(product), float(np.linalg.norm(product, 2))
    known = len(product) == 1 or (doubt <= _UNSURE and sigma > _NOISE * depth * first)
    return Composite(
        depth=depth,
        sigma_2=sigma if known else math.nan,
        forward=float(size.sum(axis=1).max()),
        backward=float(size.sum(axis=0).max()),
        contrast=uniform_distance(product),
    )


def second_singular_value(matrix: FloatArray) -> float:
    """The second singular value; 0 for a single stream, and where all entries are equal."""
    if len(matrix) == 1:
        return 0.0
    if not np.all(np.isfinite(matrix)):
        return math.nan
    second = float(np.linalg.svd(matrix, compute_uv=False)[1])
    # Without a constant, a matrix of rank 1, the first one is no smaller (Weyl), and exactly 0 for
    # equal entries, where the decomposition leaves rounding.
    return min(second, float(np.linalg.norm(matrix - matrix[0, 0], 2)))


def uniform_distance(matrix: FloatArray) -> float:
    """Largest total variation between a row, divided by its sum, and the uniform one."""
    sums = matrix.sum(axis=1, keepdims=True)
    if not np.all(sums > 0.0) or not np.all(np.isfinite(matrix)):
        return math.nan
    return 0.5 * float(np.abs(matrix / sums - 1.0 / len(matrix)).sum(axis=1).max())


def identity_distance(matrix: FloatArray) -> float:
    """Largest total variation between a row, divided by its sum, and the identity's."""
    sums = matrix.sum(axis=1, keepdims=True)
    if not np.all(sums > 0.0) or not np.all(np.isfinite(matrix)):
        return math.nan
    return 0.5 * float(np.abs(matrix / sums - np.eye(len(matrix))).sum(axis=1).max())


def _uniform_from(points: Sequence[Composite]) -> float:
    depth = math.nan
    for point in reversed(points):
        if not point.contrast <= CONTRAST:
            return depth
        depth = float(point.depth)
    return depth
