"""The exponential function, written so that a loop over it becomes vector code.

A call of the C library's keeps a loop scalar, and its last bit depends on the library. Here
exp(x) = 2^k exp(r), r = x - k ln 2 in two pieces, |r| <= ln(2)/2, and exp(r) its Taylor polynomial
of degree 13, whose remainder is 4e-18 of it: within one unit in the last place, and the same on
every machine. The reduction is that of Cody & Waite, *Software Manual for the Elementary Functions*
(1980).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sinkdiag.numerics.jit import njit

# Below this the value is 0 (the last normal double is at -708.39), above the other inf (the last
# double is at 709.78).
LOWEST, HIGHEST = -708.0, 709.0
# 1.5·2^52: a double near it holds an integer in its lowest bits.
_SHIFT = 6755399441055744.0
_LOG2_E = 1.4426950408889634
# ln 2 in two pieces; the first has 21 trailing zeros, so that k times it is exact.
_LN2, _LN2_REST = 0.6931471803691238, 1.9082149292705877e-10
_BIAS, _FRACTION = 1023, 52
_C2, _C3, _C4, _C5, _C6, _C7 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040
_C8, _C9, _C10, _C11 = 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800
_C12, _C13 = 1 / 479001600, 1 / 6227020800


def _reinterpreted(source: Any, target: Any, kind: Any) -> Callable[[Any], Any]:
    """The same 64 bits as a number of another type."""

    def convert(typing_context: Any, value: Any) -> Any:
        """The bits of a number, read as one of the other type."""
        del typing_context, value

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            del context, signature
            return builder.bitcast(arguments[0], kind)

        return target(source), write

    return cast(Callable[[Any], Any], intrinsic(convert))


_integer_of = _reinterpreted(types.float64, types.int64, ir.IntType(64))
_double_of = _reinterpreted(types.int64, types.float64, ir.DoubleType())


@njit
def exp(x: float) -> float:
    """Within one unit in the last place; 0 below `LOWEST`, inf above `HIGHEST`, nan of nan."""
    shifted = x * _LOG2_E + _SHIFT
    k = shifted - _SHIFT
    r = (x - k * _LN2) - k * _LN2_REST
    r2 = r * r
    r4 = r2 * r2
    low = (_C2 + _C3 * r) + (_C4 + _C5 * r) * r2
    middle = (_C6 + _C7 * r) + (_C8 + _C9 * r) * r2
    high = (_C10 + _C11 * r) + (_C12 + _C13 * r) * r2
    value = 1.0 + (r + r2 * (low + (middle + high * r4) * r4))
    scaled = value * _double_of((_integer_of(shifted) + _BIAS) << _FRACTION)
    if x < LOWEST:
        return 0.0
    return float("inf") if x > HIGHEST else scaled
