"""Costs between points: for who has embeddings and not yet a matrix."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_choice
from sinkdiag.errors import InputError
from sinkdiag.load.costs import CostData, load_costs
from sinkdiag.load.source import check_shape
from sinkdiag.problem import LARGEST, check_real

Metric = Literal["sqeuclidean", "euclidean", "cosine"]
# Logarithm of costs that are about to leave the range of normal numbers.
LEAST = -650.0


def cost_of_points(x: ArrayLike, y: ArrayLike, metric: Metric = "sqeuclidean") -> FloatArray:
    """The cost (n, m) between points x (n, d) and y (m, d), in double precision.

    ``sqeuclidean``: |x_i - y_j|²; ``euclidean``: |x_i - y_j|; ``cosine``: 1 - <x_i, y_j> /
    (|x_i||y_j|), which a point at the origin has none of.

    Raises
    ------
    InputError
        When the points are not finite, do not lie in one space, or are too many; for the cosine of
        a zero vector.
    """
    check_choice("metric", metric, get_args(Metric))
    first, second = _points(x, "x"), _points(y, "y")
    if first.shape[1] != second.shape[1]:
        raise InputError(
            "points",
            f"x has {first.shape[1]} coordinates and y {second.shape[1]}",
            "give points of one space, a row each",
        )
    check_shape((len(first), len(second)), "points")
    if metric == "cosine":
        for points, name in ((first, "x"), (second, "y")):
            zero = np.flatnonzero(~points.any(axis=1))
            if len(zero):
                raise InputError(name, f"row {zero[0]} is 0 and has no cosine", "drop it")
        first, second = (each / np.abs(each).max(axis=1, keepdims=True) for each in (first, second))
    # Scaled, squares neither overflow nor vanish.
    scale = max(float(np.abs(first).max()), float(np.abs(second).max())) or 1.0
    power = {"sqeuclidean": 2, "euclidean": 1, "cosine": 0}[metric]
    if not LEAST < power * math.log(scale) < 2.0 * math.log(LARGEST):
        fault = f"coordinates of size {scale:.3g} make costs beyond double precision"
        raise InputError("points", fault, "rescale the points")
    found = np.asarray(cdist(first / scale, second / scale, metric), dtype=np.float64)
    return found * scale**power


def load_points(
    x: str,
    y: str,
    metric: Metric,
    *,
    layout: Literal["batch", "trajectory"] | None = None,
) -> CostData:
    """The costs between the points of two files, (n, d) and (m, d), or stacks with ``layout``.

    Raises
    ------
    InputError
        When a file cannot be read, and as `cost_of_points`.
    """
    first, second = (
        load_costs(source, layout=layout, noun="the array of points") for source in (x, y)
    )
    name = f"{x} and {y}"
    if len(first.stack) != len(second.stack):
        raise InputError(
            name, f"stacks of {len(first.stack)} and {len(second.stack)}", "give as many of each"
        )
    try:
        pairs = zip(first.stack, second.stack, strict=True)
        costs = [cost_of_points(left, right, metric) for left, right in pairs]
    except InputError as error:
        raise InputError(name, error.fault, error.remedy) from error
    kind = first.layout if first.layout != "matrix" else second.layout
    return CostData(name=name, layout=kind, stack=np.stack(costs))


def _points(values: ArrayLike, name: str) -> FloatArray:
    points = check_real(values, name)
    if points.ndim != 2 or points.size == 0:
        raise InputError(name, f"points of shape {points.shape}", "give a row of coordinates each")
    if not np.all(np.isfinite(points)):
        raise InputError(name, "some coordinates are not finite", "drop those points")
    return points
