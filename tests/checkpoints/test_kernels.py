"""The compiled loops against their slow twins, in every precision."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.checkpoints import kernels, log_kernels
from tests.naive import checkpoints as naive

# exp and log may differ by a rounding unit between libraries; so may what follows from it.
UNITS = {0: 2.0**-53, 1: 2.0**-24, 2: 2.0**-8}
PRECISIONS = pytest.mark.parametrize("precision", [0, 1, 2])
# Start, added number, floor: DeepSeek's, lucidrains', one whose floor is felt.
LOOPS = pytest.mark.parametrize(
    ("is_softmax", "added", "floor"), [(True, 1e-2, 0.0), (False, 0.0, 1e-12), (False, 0.1, 1.5)]
)


def logits(n=4, seed=0, size=2.0):
    return np.random.default_rng(seed).normal(size=(n, n)) * size


def close(found, wanted, precision, scale=1.0):
    """A few dozen operations: 64 units of the largest entry."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=64 * UNITS[precision] * scale)


def test_cut_rounds_to_nearest_even():
    values = [
        1.0,
        1 + 2**-8,
        1 + 3 * 2**-8,
        -1.00390625,
        3.3e38,
        1e-40,
        9.2e-41,
        1e-46,
        0.0,
        np.inf,
    ]
    values += list(10.0 ** np.random.default_rng(0).uniform(-42, 38, 300))
    for value in values:
        for precision in (0, 1, 2):
            assert kernels.cut(value, precision) == naive.cut(value, precision)
    assert kernels.cut(3.4e38, 2) == np.inf
    assert kernels.cut(1 + 2**-8, 2) == 1.0
    assert kernels.cut(1 + 3 * 2**-8, 2) == 1 + 2**-6


def test_bfloat16_agrees_with_the_solver_s():
    from sinkdiag.solver.precision import ROUNDINGS

    values = np.random.default_rng(1).normal(size=500).astype(np.float32)
    found = [kernels.cut(float(value), 2) for value in values]
    assert found == ROUNDINGS["bfloat16"](values).tolist()


@PRECISIONS
def test_totals(precision):
    for line in logits(6):
        cut_line = np.array([naive.cut(x, precision) for x in line])
        assert kernels.total(cut_line, precision) == naive.total(list(cut_line), precision)
        found = kernels.log_total(cut_line, precision)
        close(found, naive.log_total(list(cut_line), precision), precision, 4.0)
    assert kernels.log_total(np.array([-np.inf, -np.inf]), 0) == -np.inf


@PRECISIONS
@LOOPS
def test_linear(precision, is_softmax, added, floor):
    given = logits()
    tape = np.empty((6, 4, 4))
    kernels.run_linear(given, is_softmax, added, floor, precision, tape)
    wanted = naive.run_linear(given.tolist(), is_softmax, added, floor, precision, 5)
    close(tape, wanted, precision)
    for t in (1, 2):
        found = kernels.step_input(tape, t, is_softmax, added, precision)
        assert found.tolist() == naive.step_input(tape.tolist(), t, is_softmax, added, precision)
    cotangents = logits(seed=1)[None].copy()
    kernels.pull_linear(tape, is_softmax, added, floor, precision, cotangents)
    wanted = naive.pull_linear(
        tape.tolist(), is_softmax, added, floor, precision, logits(seed=1).tolist()
    )
    close(cotangents[0], wanted, precision, 8.0)


@LOOPS
def test_push(is_softmax, added, floor):
    tape = np.empty((6, 4, 4))
    kernels.run_linear(logits(), is_softmax, added, floor, 0, tape)
    changes = logits(seed=2)[None].copy()
    kernels.push(tape, is_softmax, added, floor, changes)
    wanted = naive.push(tape.tolist(), is_softmax, added, floor, logits(seed=2).tolist())
    close(changes[0], wanted, 0, 8.0)


@LOOPS
def test_push_and_pull_are_adjoint(is_softmax, added, floor):
    tape = np.empty((6, 4, 4))
    kernels.run_linear(logits(), is_softmax, added, floor, 0, tape)
    changes, cotangents = logits(seed=2)[None].copy(), logits(seed=3)[None].copy()
    kernels.push(tape, is_softmax, added, floor, changes)
    kernels.pull_linear(tape, is_softmax, added, floor, 0, cotangents)
    assert np.sum(changes * logits(seed=3)) == pytest.approx(
        np.sum(cotangents * logits(seed=2)), rel=1e-12
    )


@PRECISIONS
@pytest.mark.parametrize("steps", [4, 5])
def test_chain(precision, steps):
    given = np.vectorize(naive.cut)(logits(), precision)
    tape = np.empty((steps + 1, 4, 4))
    log_kernels.run_chain(given, precision, tape)
    close(tape, naive.run_chain(given.tolist(), precision, steps), precision, 16.0)
    cotangents = logits(seed=1)[None].copy()
    log_kernels.pull_chain(tape, precision, cotangents)
    wanted = naive.pull_chain(tape.tolist(), precision, logits(seed=1).tolist())
    close(cotangents[0], wanted, precision, 8.0)


@PRECISIONS
@pytest.mark.parametrize("steps", [4, 5])
def test_potentials(precision, steps):
    given = np.vectorize(naive.cut)(logits(), precision)
    potentials = np.empty((steps + 1, 4))
    log_kernels.run_potentials(given, precision, potentials)
    close(potentials, naive.run_potentials(given.tolist(), precision, steps), precision, 16.0)
    plan, cotangents = np.empty((4, 4)), logits(seed=1)[None].copy()
    for t in (steps - 1, steps):
        log_kernels.fill_potentials(given, potentials, t, precision, plan)
        wanted = naive.fill_potentials(given.tolist(), potentials.tolist(), t, precision)
        close(plan, wanted, precision)
    log_kernels.pull_potentials(given, potentials, precision, cotangents)
    wanted = naive.pull_potentials(
        given.tolist(), potentials.tolist(), precision, logits(seed=1).tolist()
    )
    close(cotangents[0], wanted, precision, 8.0)


@PRECISIONS
@LOOPS
def test_pulls_of_one_step(precision, is_softmax, added, floor):
    given = np.abs(logits())
    found = logits(seed=1)
    kernels.pull_division(given, added, floor, precision, found)
    wanted = naive.pull_division(given.tolist(), added, floor, precision, logits(seed=1).tolist())
    close(found, wanted, precision, 8.0)
    found = logits(seed=1)
    kernels.pull_start(given, is_softmax, precision, found)
    wanted = naive.pull_start(given.tolist(), is_softmax, precision, logits(seed=1).tolist())
    close(found, wanted, precision, 64.0)


def test_weights_of_changes():
    shares, rests, found = np.abs(logits()), np.abs(logits(seed=1)[0]), logits(seed=2)
    wanted = naive.weigh_changes(shares.tolist(), rests.tolist(), found.tolist())
    kernels.weigh_changes(shares, rests, found)
    close(found, wanted, 0, 256.0)


def exact_change(given, change, step, sweeps):
    """The directional derivative of exp, rows, columns, … by differences in 300 digits."""
    import mpmath

    def loop(shift):
        matrix = [
            [mpmath.exp(mpmath.mpf(x) + shift * mpmath.mpf(d)) for x, d in zip(line, other)]
            for line, other in zip(given, change)
        ]
        for _ in range(sweeps):
            matrix = [[x / mpmath.fsum(line) for x in line] for line in matrix]
            matrix = naive.flipped(matrix)
            matrix = [[x / mpmath.fsum(line) for x in line] for line in matrix]
            matrix = naive.flipped(matrix)
        return matrix

    with mpmath.workdps(300):
        above, below = loop(mpmath.mpf(step)), loop(-mpmath.mpf(step))
        return np.array(
            [
                [float((a - b) / (2 * mpmath.mpf(step))) for a, b in zip(line, other)]
                for line, other in zip(above, below)
            ]
        )


def test_small_entries_keep_their_changes():
    """Near a permutation the change of the large entries is the sum of tiny ones, not noise."""
    given = np.full((4, 4), -160.0) + logits(size=1.0)
    np.fill_diagonal(given, 0.0)
    change = logits(seed=3)
    tape, changes = np.empty((21, 4, 4)), change[None].copy()
    kernels.run_linear(given, False, 0.0, 0.0, 0, tape)
    kernels.push(tape, False, 0.0, 0.0, changes)
    wanted = exact_change(given, change, "1e-80", 10)
    assert np.abs(wanted).max() < 1e-66
    # The matrix's own entries are off by 160 rounding units of the exponent, and cancellation
    # between entries of one size costs a digit.
    np.testing.assert_allclose(changes[0].T, wanted, rtol=1e-11)
