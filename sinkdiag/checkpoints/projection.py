"""Matrices of logits by an implementation's own loop, their derivatives, and the fixed points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints import kernels, log_kernels
from sinkdiag.checkpoints.loops import Loop
from sinkdiag.results import Solution
from sinkdiag.solver.solve import solve

Precision = Literal["float64", "float32", "bfloat16"]
CODES: dict[Precision, int] = {"float64": 0, "float32": 1, "bfloat16": 2}

# Streams up to which the Jacobian is formed, n² × n².
DENSE_STREAMS = 20
# Beyond them its norm is a Ritz value to this relative accuracy.
_NORM_TOL = 1e-9


@dataclass(frozen=True, kw_only=True)
class Norms:
    """‖dP/dlogits‖₂ in three precisions, and the relative error of the float32 Jacobian."""

    float64: float
    float32: float
    bfloat16: float
    float32_error: float


def project(logits: FloatArray, loop: Loop, precision: Precision = "float32") -> FloatArray:
    """P (n, n) of logits (n, n) by the loop, every operation rounded to the precision.

    In float32 the arithmetic is that of the packages themselves: the same operations in the same
    order. exp and log are correctly rounded here and to within a unit elsewhere, so that entries
    may differ in their last bit.
    """
    _, matrix = _run(logits, loop, precision)
    return matrix


def jacobian_norms(logits: FloatArray, loop: Loop) -> Norms:
    """‖dP/dlogits‖₂ of the whole loop, entries as vectors, in three precisions.

    In float64 by forward differentiation of logarithms, to full relative accuracy however small;
    in lower precisions by reverse accumulation as automatic differentiation runs it there.

    Up to 20 streams the Jacobian is formed. Beyond, the float64 norm is ARPACK's within 1e-9, and
    the others, lower estimates, are the lengths of the gradient of its leading left vector.
    """
    if len(logits) > DENSE_STREAMS:
        return _large_norms(logits, loop)
    exact = jacobian(logits, loop, "float64")
    single = jacobian(logits, loop, "float32")
    size = norm_of(exact)
    return Norms(
        float64=size,
        float32=norm_of(single),
        bfloat16=norm_of(jacobian(logits, loop, "bfloat16")),
        float32_error=norm_of(single - exact) / size if size > 0.0 else math.nan,
    )


def jacobian(logits: FloatArray, loop: Loop, precision: Precision) -> FloatArray:
    """dP/dlogits (n², n²): row n·i + j is the gradient of P_ij; see `jacobian_norms`."""
    size = logits.size
    units = np.eye(size).reshape(size, *logits.shape)
    if precision == "float64":
        return push(logits, loop, units).reshape(size, size).T
    return pull(logits, loop, precision, units).reshape(size, size)


def norm_of(matrix: FloatArray) -> float:
    """The spectral norm, brought to size 1 before anything is squared; nan if it holds any."""
    top = float(np.abs(matrix).max(initial=0.0))
    if top == 0.0 or not np.isfinite(top):
        return top
    return top * float(np.linalg.norm(matrix / top, 2))


def push(logits: FloatArray, loop: Loop, changes: FloatArray) -> FloatArray:
    """Changes dP (c, n, n) for changes (c, n, n) of the logits, in float64."""
    tape, _ = _run(logits, loop, "float64")
    found = _laid(changes / loop.temperature, loop.first == "column")
    is_softmax = loop.start == "softmax"
    kernels.push(tape, is_softmax, loop.denominator, loop.floor, found)
    return _laid(found, loop.last == "column")


def pull(
    logits: FloatArray, loop: Loop, precision: Precision, cotangents: FloatArray
) -> FloatArray:
    """Gradients (c, n, n) of <cotangent, P> in the logits, in the precision."""
    code = CODES[precision]
    scaled = _scaled(logits, loop, code)
    found = _laid(cotangents, loop.last == "column")
    if loop.start == "chain":
        tape = _chain(scaled, loop, code)
        log_kernels.pull_chain(tape, code, found)
    elif loop.start == "potentials":
        potentials = _potentials(scaled, loop, code)
        log_kernels.pull_potentials(scaled, potentials, code, found)
    else:
        tape = _linear(scaled, loop, code)
        is_softmax = loop.start == "softmax"
        added = kernels.cut(loop.denominator, code)
        kernels.pull_linear(tape, is_softmax, added, loop.floor, code, found)
    return rounded(_laid(found, loop.first == "column") / loop.temperature, code)


def fixed_point(logits: FloatArray, loop: Loop) -> Solution:
    """The doubly stochastic plan of exp(logits / temperature), whatever the loop's sweeps."""
    return solve(-logits, loop.temperature)


def shifted_fixed_point(logits: FloatArray, loop: Loop) -> Solution:
    """That of the loop's start, softmax + denominator; of exp(logits) where nothing is added."""
    if loop.start != "softmax" or loop.denominator == 0.0:
        return fixed_point(logits, loop)
    scaled = _scaled(logits, loop, 0)
    start = np.empty((1, *scaled.shape))
    kernels.run_linear(scaled, True, loop.denominator, loop.floor, 0, start)
    return solve(-np.log(_laid(start, loop.first == "column")[0] + loop.denominator), 1.0)


def rounded(values: FloatArray, code: int) -> FloatArray:
    """Every entry rounded to the precision of the code."""
    if code == 0:
        return values
    if code == 1:
        with np.errstate(over="ignore"):
            return values.astype(np.float32).astype(np.float64)
    flat = [kernels.cut(float(value), code) for value in values.ravel()]
    return np.array(flat).reshape(values.shape)


def _run(logits: FloatArray, loop: Loop, precision: Precision) -> tuple[FloatArray, FloatArray]:
    """The matrices after the start and every half-sweep, as their lines lie, and the last as P."""
    code = CODES[precision]
    scaled = _scaled(logits, loop, code)
    if loop.start == "chain":
        tape = _chain(scaled, loop, code)
        tape[0] = 0.0  # nothing divides the start
        tape = np.exp(tape)
        matrix = rounded(tape[-1], code)
    elif loop.start == "potentials":
        potentials = _potentials(scaled, loop, code)
        tape = np.empty((len(potentials), *scaled.shape))
        tape[0] = 1.0
        for t in range(1, len(tape)):
            log_kernels.fill_potentials(scaled, potentials, t, code, tape[t])
        matrix = tape[-1]
    else:
        tape = _linear(scaled, loop, code)
        matrix = tape[-1]
    return tape, np.ascontiguousarray(matrix.T if loop.last == "column" else matrix)


def _scaled(logits: FloatArray, loop: Loop, code: int) -> FloatArray:
    """Logits over temperature in the precision, laid so that the first lines are rows."""
    given = rounded(logits, code)
    if loop.temperature != 1.0:
        given = rounded(given / loop.temperature, code)
    return np.ascontiguousarray(given.T if loop.first == "column" else given)


def _linear(scaled: FloatArray, loop: Loop, code: int) -> FloatArray:
    tape = np.empty((loop.divisions + 1, *scaled.shape))
    added = kernels.cut(loop.denominator, code)
    kernels.run_linear(scaled, loop.start == "softmax", added, loop.floor, code, tape)
    return tape


def _chain(scaled: FloatArray, loop: Loop, code: int) -> FloatArray:
    tape = np.empty((loop.divisions + 1, *scaled.shape))
    log_kernels.run_chain(scaled, code, tape)
    return tape


def _potentials(scaled: FloatArray, loop: Loop, code: int) -> FloatArray:
    potentials = np.empty((loop.divisions + 1, len(scaled)))
    log_kernels.run_potentials(scaled, code, potentials)
    return potentials


def _laid(stack: FloatArray, is_column: bool) -> FloatArray:
    """A copy (c, n, n) with columns as rows where they are the lines."""
    return np.array(stack.transpose(0, 2, 1) if is_column else stack, dtype=np.float64, order="C")


def _large_norms(logits: FloatArray, loop: Loop) -> Norms:
    shape, size = (1, *logits.shape), logits.size
    operator = scipy.sparse.linalg.LinearOperator(
        (size, size),
        dtype=np.float64,
        matvec=lambda vector: push(logits, loop, vector.reshape(shape)).ravel(),
        rmatvec=lambda vector: pull(logits, loop, "float64", vector.reshape(shape)).ravel(),
    )
    start = np.random.default_rng(0).standard_normal(size)
    left, values, _ = scipy.sparse.linalg.svds(operator, k=1, tol=_NORM_TOL, v0=start)
    lengths = [
        float(np.linalg.norm(pull(logits, loop, precision, left[:, 0].reshape(shape))))
        for precision in ("float32", "bfloat16")
    ]
    value = float(values[0])
    return Norms(
        float64=value,
        float32=lengths[0],
        bfloat16=lengths[1],
        float32_error=abs(lengths[0] - value) / value if value > 0.0 else math.nan,
    )
