"""How many passes over the matrix a solve takes, beside the floor.

Every temperature needs its own exponentials, one for each entry: that is the floor. Counted are
passes that take exponentials, and passes that read the stored kernel (products with a vector, sums,
scans); a product of a sparse Newton system counts as its share of the entries. Factors of Newton
systems are counted apart.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace

from sinkdiag.solver import balance, continuation, kernels, newton, parts, scaling, system


@dataclass(kw_only=True)
class Passes:
    """The count of one solve."""

    temperatures: int = 0
    exponentials: int = 0
    reads: float = 0.0
    factors: int = 0


@contextmanager
def counted():
    """Counts the solves that are made inside, on one thread."""
    count, kept = Passes(), []

    def put(home, name, made):
        kept.append((home, name, getattr(home, name)))
        setattr(home, name, made(getattr(home, name)))

    def adding(exponentials=0, reads=0):
        def made(function):
            def call(*given, **named):
                count.exponentials += exponentials
                count.reads += reads
                return function(*given, **named)

            return call

        return made

    put(scaling.kernels, "build", adding(exponentials=1))
    put(scaling.kernels, "build_parallel", adding(exponentials=1))
    put(scaling.kernels, "col_update", adding(exponentials=1))
    put(balance, "log_aggregate", adding(exponentials=1))
    put(scaling.Scaling, "build", adding(reads=1))
    put(scaling.Scaling, "_take", adding(reads=2))
    put(scaling.Scaling, "trial", adding(reads=1))
    put(scaling.Scaling, "accept", adding(reads=1))
    put(scaling.Scaling, "take_plan", adding(reads=3))
    put(parts, "label_parts", adding(reads=1))
    put(system, "count_above", adding(reads=1))
    put(system, "take_above", adding(reads=1))
    put(continuation, "ladder", lambda function: _laddered(function, count))
    put(newton, "make_system", lambda function: _system(function, count))
    try:
        yield count
    finally:
        for home, name, function in reversed(kept):
            setattr(home, name, function)


def _laddered(function, count):
    def call(*given, **named):
        rungs = function(*given, **named)
        count.temperatures += len(rungs)
        return rungs

    return call


def _system(function, count):
    def call(state, *given):
        made = function(state, *given)
        # Two products an application; flops counts 4 an entry, and a penalty where it is sparse.
        dense = made.flops == 4.0 * state.kernel.size
        penalty = 1.0 if dense else state.settings.sparse_penalty
        share = made.flops / penalty / (2.0 * state.kernel.size)

        def apply(x):
            count.reads += share
            return made.apply(x)

        def direct(residual):
            count.factors += 1
            return made.direct(residual)

        return replace(made, apply=apply, direct=direct)

    return call


assert kernels is scaling.kernels
