"""Products of a matrix with a vector, in one order of summation on every machine.

A sum over a row is a chain of additions that a compiler may not reorder, and so does not vectorise.
Here the order is written down instead: lane l adds up every entry j with j mod W = l (W numbers in
64 bytes), the lanes are folded in halves, and the entries beyond the last whole 64 bytes are added
one by one. It is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import prange
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from sinkdiag.arrays import AnyArray, FloatArray
from sinkdiag.numerics.jit import njit, njit_parallel

# Bytes that a step takes of every row.
WIDTH = 64
# Rows that are added up together: each entry of the vector is read once for all of them.
ROWS = 4
# Matrices of more entries are shared among threads, for sums along columns in so many blocks of
# rows, however many threads there are: the order of a sum depends on the size alone.
PARALLEL_SIZE, BLOCKS = 1_000_000, 16


class _RowSums:
    """Writes the code for `count` rows of one matrix, from ``first`` on, times a vector."""

    def __init__(self, builder: Any, matrix: Any, vector: Any, scalar: Any, size: int) -> None:
        self.builder, self.matrix, self.vector = builder, matrix, vector
        self.scalar, self.size, self.lanes = scalar, size, WIDTH // size
        self.wide = ir.VectorType(scalar, self.lanes)

    def write(self, first: Any, count: int) -> list[Any]:
        """The sums, one value a row."""
        builder, index = self.builder, first.type
        columns = builder.extract_value(self.vector.shape, 0)
        rows = [
            builder.gep(
                self.matrix.data,
                [builder.mul(builder.add(first, ir.Constant(index, row)), columns)],
            )
            for row in range(count)
        ]
        whole = builder.and_(columns, ir.Constant(index, -self.lanes))
        zero = ir.Constant(self.wide, [ir.Constant(self.scalar, 0.0)] * self.lanes)
        sums = [_variable(builder, zero) for _ in rows]
        self._add(rows, sums, ir.Constant(index, 0), whole, self.lanes)
        sums = [_variable(builder, self._folded(builder.load(s))) for s in sums]
        self._add(rows, sums, whole, columns, 1)
        return [builder.load(s) for s in sums]

    def _add(self, rows: list[Any], sums: list[Any], start: Any, stop: Any, step: int) -> None:
        builder, index = self.builder, start.type
        stride = ir.Constant(index, step)
        with cgutils.for_range_slice(builder, start, stop, stride, index) as (j, _):
            x = self._read(self.vector.data, j, step)
            for row, total in zip(rows, sums, strict=True):
                term = builder.fmul(self._read(row, j, step), x)
                builder.store(builder.fadd(builder.load(total), term), total)

    def _read(self, data: Any, place: Any, count: int) -> Any:
        pointer = self.builder.gep(data, [place])
        if count > 1:
            pointer = self.builder.bitcast(pointer, self.wide.as_pointer())
        return self.builder.load(pointer, align=self.size)

    def _folded(self, value: Any) -> Any:
        builder, lanes = self.builder, self.lanes
        while lanes > 1:
            half = lanes // 2
            low, high = (self._lanes(value, start, half) for start in (0, half))
            value, lanes = builder.fadd(low, high), half
        return builder.extract_element(value, ir.IntType(32)(0))

    def _lanes(self, value: Any, start: int, count: int) -> Any:
        places = [ir.IntType(32)(start + lane) for lane in range(count)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), count), places)
        return self.builder.shuffle_vector(value, value, mask)


def _variable(builder: Any, value: Any) -> Any:
    return cgutils.alloca_once_value(builder, value)  # type: ignore[no-untyped-call]


def _row_sums(count: int) -> Callable[[AnyArray, int, AnyArray], tuple[float, ...]]:
    def sums(typing_context: Any, matrix: Any, first: Any, vector: Any) -> Any:
        """The products of rows ``first``, ``first`` + 1, ... of a matrix with a vector."""
        del typing_context, first
        if matrix.layout != "C" or vector.layout != "C" or matrix.dtype != vector.dtype:
            raise TypingError("rows and vector must be contiguous, and of one type")

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = [
                context.make_array(signature.args[place])(context, builder, arguments[place])
                for place in (0, 2)
            ]
            scalar = context.get_value_type(matrix.dtype)
            size = context.get_abi_sizeof(scalar)
            code = _RowSums(builder, arrays[0], arrays[1], scalar, size)
            found = code.write(arguments[1], count)
            return context.make_tuple(builder, signature.return_type, found)

        found = types.UniTuple(matrix.dtype, count)  # type: ignore[no-untyped-call]
        return found(matrix, types.intp, vector), write

    return cast(Callable[[AnyArray, int, AnyArray], tuple[float, ...]], intrinsic(sums))


one_row, four_rows = _row_sums(1), _row_sums(ROWS)


def product(matrix: FloatArray, x: FloatArray) -> FloatArray:
    """Matrix times x, with the same bits on any number of threads."""
    out = np.empty(matrix.shape[0])
    fill = row_products if matrix.size <= PARALLEL_SIZE else row_products_parallel
    fill(matrix, x, out)
    return out


def transposed_product(matrix: FloatArray, x: FloatArray) -> FloatArray:
    """Matrix' times x, with the same bits on any number of threads."""
    out = np.empty(matrix.shape[1])
    fill = column_products if matrix.size <= PARALLEL_SIZE else column_products_parallel
    fill(matrix, x, out)
    return out


@njit
def row_products(matrix: AnyArray, x: AnyArray, out: AnyArray) -> None:
    """Out = matrix x, in the order of summation that this module gives."""
    n = len(out)
    i = 0
    while i + ROWS <= n:
        out[i], out[i + 1], out[i + 2], out[i + 3] = four_rows(matrix, i, x)
        i += ROWS
    while i < n:
        (out[i],) = one_row(matrix, i, x)
        i += 1


@njit_parallel
def row_products_parallel(matrix: AnyArray, x: AnyArray, out: AnyArray) -> None:
    """`row_products` with the rows shared among threads."""
    n = len(out)
    for block in prange((n + ROWS - 1) // ROWS):
        i = block * ROWS
        if i + ROWS <= n:
            out[i], out[i + 1], out[i + 2], out[i + 3] = four_rows(matrix, i, x)
        else:
            for late in range(i, n):
                (out[late],) = one_row(matrix, late, x)


@njit
def column_products(matrix: AnyArray, x: AnyArray, out: AnyArray) -> None:
    """Out = matrix' x, four rows at a time; inner loops run over columns without a reduction."""
    for j in range(len(out)):
        out[j] = 0.0
    add_rows(matrix, x, 0, len(x), out)


@njit_parallel
def column_products_parallel(matrix: AnyArray, x: AnyArray, out: AnyArray) -> None:
    """Matrix' x as the sum of those of `BLOCKS` blocks of rows, which threads share."""
    n = len(x)
    parts = np.zeros((BLOCKS, len(out)))
    for block in prange(BLOCKS):
        add_rows(matrix, x, block * n // BLOCKS, (block + 1) * n // BLOCKS, parts[block])
    for j in range(len(out)):
        out[j] = 0.0
    for block in range(BLOCKS):
        for j in range(len(out)):
            out[j] += parts[block, j]


@njit
def add_rows(matrix: AnyArray, x: AnyArray, first: int, last: int, out: AnyArray) -> None:
    """Out += Σ_i x_i matrix_i over the rows first <= i < last."""
    i = first
    while i + ROWS <= last:
        add_four_rows(matrix, i, x[i], x[i + 1], x[i + 2], x[i + 3], out)
        i += ROWS
    while i < last:
        add_row(matrix, i, x[i], out)
        i += 1


@njit
def add_four_rows(
    matrix: AnyArray, i: int, x0: float, x1: float, x2: float, x3: float, out: AnyArray
) -> None:
    """Out += Σ_k x_k matrix_{i+k}, k from 0 to 3."""
    for j in range(len(out)):
        out[j] += (matrix[i, j] * x0 + matrix[i + 1, j] * x1) + (
            matrix[i + 2, j] * x2 + matrix[i + 3, j] * x3
        )


@njit
def add_row(matrix: AnyArray, i: int, x: float, out: AnyArray) -> None:
    """Out += x matrix_i."""
    for j in range(len(out)):
        out[j] += matrix[i, j] * x
