"""Compiled loops of the batched resolvent: substitution with many shifts, and Lanczos columns.

A batch of p complex vectors of length n is one real array (n, 2p): real parts in the first p
columns, imaginary parts in the last p, so that the loops over columns run at full vector width.
"""

from __future__ import annotations

from sinkdiag.arrays import FloatArray
from sinkdiag.numerics.jit import njit

# How long these kernels take to compile, about.
COMPILE_SECONDS = 8


@njit
def substitute_up(
    strict_re: FloatArray,
    strict_im: FloatArray,
    inv_re: FloatArray,
    inv_im: FloatArray,
    first: int,
    last: int,
    x: FloatArray,
) -> None:
    """Rows first..last of (d_j - N) x_j = b_j, last row first, in place.

    N is strictly upper triangular, 1/d_j = inv[:, j] is the diagonal's inverse for column j.
    ``strict_im`` is empty when N is real.
    """
    p = inv_re.shape[1]
    dense = strict_im.shape[0] > 0
    for i in range(last - 1, first - 1, -1):
        for k in range(i + 1, last):
            a = strict_re[i, k]
            for j in range(2 * p):
                x[i, j] += a * x[k, j]
            if dense:
                b = strict_im[i, k]
                for j in range(p):
                    x[i, j] -= b * x[k, p + j]
                for j in range(p):
                    x[i, p + j] += b * x[k, j]
        for j in range(p):
            real = x[i, j]
            imag = x[i, p + j]
            x[i, j] = real * inv_re[i, j] - imag * inv_im[i, j]
            x[i, p + j] = real * inv_im[i, j] + imag * inv_re[i, j]


@njit
def substitute_down(
    strict_re: FloatArray,
    strict_im: FloatArray,
    inv_re: FloatArray,
    inv_im: FloatArray,
    first: int,
    last: int,
    x: FloatArray,
) -> None:
    """Rows first..last of (d_j - N)* x_j = b_j (conjugate transpose), first row first, in place."""
    p = inv_re.shape[1]
    dense = strict_im.shape[0] > 0
    for i in range(first, last):
        for k in range(first, i):
            a = strict_re[k, i]
            for j in range(2 * p):
                x[i, j] += a * x[k, j]
            if dense:
                b = strict_im[k, i]
                for j in range(p):
                    x[i, j] += b * x[k, p + j]
                for j in range(p):
                    x[i, p + j] -= b * x[k, j]
        for j in range(p):
            real = x[i, j]
            imag = x[i, p + j]
            x[i, j] = real * inv_re[i, j] + imag * inv_im[i, j]
            x[i, p + j] = imag * inv_re[i, j] - real * inv_im[i, j]
