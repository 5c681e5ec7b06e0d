"""Passes over stacks of directions for the ascent of the cubic form, each in one sweep of memory.

``active`` lists which members of a stack (k, n, m) take part; the others are left alone. ``d``,
``kd`` and ``kk`` hold the active ones only.
"""

from __future__ import annotations

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.numerics.jit import njit


@njit
def circle_coefficients(
    plan: FloatArray, kx: FloatArray, kd: FloatArray, active: IntArray, out: FloatArray
) -> None:
    """<P, kx³>, <P, kx²kd>, <P, kx kd²>, <P, kd³> into ``out`` (len(active), 4)."""
    n, m = plan.shape
    for s in range(len(active)):
        k = active[s]
        c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            for j in range(m):
                a, b, p = kx[k, i, j], kd[s, i, j], plan[i, j]
                pa, pb = p * a, p * b
                c0 += pa * a * a
                c1 += pa * a * b
                c2 += pa * b * b
                c3 += pb * b * b
        out[s, 0], out[s, 1], out[s, 2], out[s, 3] = c0, c1, c2, c3


@njit
def turn(
    x: FloatArray,
    kx: FloatArray,
    slope: FloatArray,
    before: FloatArray,
    along: FloatArray,
    d: FloatArray,
    kd: FloatArray,
    active: IntArray,
    cosine: FloatArray,
    sine: FloatArray,
) -> None:
    """Move x to cos x + sin d on its circle, K(x) with it, and keep the tangent and old slope."""
    for s in range(len(active)):
        k, c, z = active[s], cosine[s], sine[s]
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                before[k, i, j] = slope[k, i, j]
                old, way = x[k, i, j], d[s, i, j]
                along[k, i, j] = c * way - z * old
                x[k, i, j] = c * old + z * way
                kx[k, i, j] = c * kx[k, i, j] + z * kd[s, i, j]


@njit
def tangent_slope(
    plan: FloatArray,
    kk: FloatArray,
    x: FloatArray,
    slope: FloatArray,
    before: FloatArray,
    active: IntArray,
    out: FloatArray,
) -> None:
    """Slope = P∘kk - <P∘kk, x> x, where kk = K(kx²).

    ``out`` (len(active), 4): the form <P∘kk, x>, |slope|², <slope, before>, |before|².
    """
    n, m = plan.shape
    for s in range(len(active)):
        k = active[s]
        value = 0.0
        for i in range(n):
            for j in range(m):
                gradient = plan[i, j] * kk[s, i, j]
                slope[k, i, j] = gradient
                value += gradient * x[k, i, j]
        size, mixed, old = 0.0, 0.0, 0.0
        for i in range(n):
            for j in range(m):
                now = slope[k, i, j] - value * x[k, i, j]
                slope[k, i, j] = now
                size += now * now
                mixed += now * before[k, i, j]
                old += before[k, i, j] * before[k, i, j]
        out[s, 0], out[s, 1], out[s, 2], out[s, 3] = value, size, mixed, old


@njit
def conjugate(
    slope: FloatArray,
    along: FloatArray,
    x: FloatArray,
    share: FloatArray,
    active: IntArray,
    d: FloatArray,
) -> None:
    """Unit tangent direction of slope + share·along at x; the zero direction stays zero."""
    for s in range(len(active)):
        k = active[s]
        inner = 0.0
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                way = slope[k, i, j] + share[s] * along[k, i, j]
                d[s, i, j] = way
                inner += way * x[k, i, j]
        size = 0.0
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                way = d[s, i, j] - inner * x[k, i, j]
                d[s, i, j] = way
                size += way * way
        scale = 1.0 / np.sqrt(size) if size > 0.0 else 0.0
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                d[s, i, j] *= scale
