"""sup over ‖X‖_F = 1 of ‖DS[X]‖_2, by alternating directions and top singular pairs.

H = -eps DS is symmetric, so u'H[X]v = <H[uv'], X>: for a given (u, v) the best X is H[uv'], and for
a given X the best (u, v) is the top singular pair of H[X]. Neither step lowers the value. Stacks of
(u, v) run side by side, and no n×m matrix is made: H[uv'] is P∘(uv' - a⊕b), so that all its sums
are products of P and P∘P with a few vectors; only on a spanning tree of the heaviest pairs, where
the difference would cancel, its entries come from the factor of A (`sinkdiag.jacobian.block`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import FloatArray, IntArray
from sinkdiag.derivatives.second_order import heaviest, heaviest_free
from sinkdiag.jacobian.block import BlockOperator, product
from sinkdiag.jacobian.tree import accumulate_down, accumulate_up
from sinkdiag.results import Status

VALUE_TOL, CLIMB_TOL = 1e-9, 1e-10
MAX_STEPS = 2000
# Random matrices, and how often H is applied to them, to see which pairs answer most.
PROBES, PROBE_STEPS = 8, 2
# Pairs that start because they answer most or have most room, and random directions.
ANSWERING, FREE, RANDOM = 128, 6, 6
# Columns up to which a product with P stays on one thread.
FEW = 48
# Steps of all that are left, and how many of the best then go on.
ROUNDS = ((2, 32), (3, 8), (6, 3), (6, 1))
# The last one's step is also tried so many times as long: ridges are flat next to a permutation.
STRETCHES = np.array([0.0, 1.0, 3.0, 9.0, 27.0, 81.0])


@dataclass(frozen=True, kw_only=True)
class RankOneNorm:
    """eps·sup ‖DS[X]‖_2 as found: a lower estimate, attained."""

    value: float
    starts: int
    status: Status


def rank_one_norm(operator: BlockOperator, *, seed: int = 0) -> RankOneNorm:
    """The largest ‖H[uv']‖_F over unit u, v, with H = -eps DS: eps·sup_X ‖DS[X]‖_2 from below."""
    found = _rank_one_norm(operator.in_free_units, seed)
    return replace(found, value=found.value * operator.free)


def _rank_one_norm(operator: BlockOperator, seed: int) -> RankOneNorm:
    form = _Form(operator)
    u, v = _starts(operator, np.random.default_rng(seed))
    starts = u.shape[1]
    for steps, keep in ROUNDS:
        value, u, v, _ = _alternate(form, u, v, steps)
        best = np.argsort(-value, kind="stable")[:keep]
        u, v = u[:, best], v[:, best]
    u, v, converged = _climb(form, u, v)
    attained = float(np.linalg.norm(operator.move(np.outer(u[:, 0], v[:, 0]))))
    status = Status.CONVERGED if converged else Status.MAX_ITER
    return RankOneNorm(value=attained, starts=starts, status=status)


def _alternate(
    form: _Form, u: FloatArray, v: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Values and directions after at most ``steps``, and whether all values have settled."""
    image = form.image(u, v)
    for _ in range(steps):
        before = image.norm
        u, v = form.top_pair(u, v, image)
        image = form.image(u, v)
        if np.all(image.norm - before <= VALUE_TOL * image.norm):
            return image.norm, u, v, True
    return image.norm, u, v, False


def _climb(form: _Form, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, bool]:
    """The end of the ridge that the one pair (u, v) stands on, and whether it was reached.

    Beside each step itself, longer ones are tried, along it and along the way since the pair
    before.
    """
    image, settled, old_u, old_v = form.image(u, v), 0, u, v
    for _ in range(MAX_STEPS):
        value = float(image.norm[0])
        next_u, next_v = form.top_pair(u, v, image)
        u, v = _towards(u, next_u), _towards(v, next_v)
        old_u, old_v = _towards(old_u, next_u), _towards(old_v, next_v)
        us = _unit(np.hstack([_ahead(u, next_u), _ahead(old_u, next_u)]), next_u)
        vs = _unit(np.hstack([_ahead(v, next_v), _ahead(old_v, next_v)]), next_v)
        images = form.image(us, vs)
        best = int(images.norm.argmax())
        old_u, old_v, u, v = u, v, us[:, best, None], vs[:, best, None]
        image = images.only(best)
        settled = settled + 1 if image.norm[0] - value <= CLIMB_TOL * value else 0
        if settled == 3:
            return u, v, True
    return u, v, False


def _ahead(start: FloatArray, end: FloatArray) -> FloatArray:
    """Points from ``end`` on along the way from ``start``."""
    return np.asarray(end + STRETCHES * (end - start))


def _towards(vector: FloatArray, other: FloatArray) -> FloatArray:
    """The one of ± vector on the other's side."""
    return np.where((vector * other).sum(axis=0) < 0, -vector, vector)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Image:
    """M = P∘(uv' - a⊕b) for a stack of k: a (n, k), b (m, k), and entries over masses on the tree.

    ``flat`` holds P (v), ``square`` P∘P (v, v², v∘b, b), what its norm (k,) and H[M] are made of;
    both without the tree's pairs.
    """

    a: FloatArray
    b: FloatArray
    left: FloatArray
    flat: FloatArray
    square: tuple[FloatArray, ...]
    norm: FloatArray

    def only(self, k: int) -> _Image:
        """That of one of the stack."""
        one = slice(k, k + 1)
        return _Image(
            a=self.a[:, one],
            b=self.b[:, one],
            left=self.left[:, one],
            flat=self.flat[:, one],
            square=tuple(part[:, one] for part in self.square),
            norm=self.norm[one],
        )


class _Form:
    """H on stacks of rank-one matrices uv', u (n, k) and v (m, k)."""

    def __init__(self, operator: BlockOperator) -> None:
        tree = operator.tree
        self.operator, self.n = operator, operator.shape[0]
        self.row, self.col = tree.row[1:], tree.col[1:]
        self.sign = np.where(tree.node[1:] < self.n, 1.0, -1.0)[:, None]
        self.mass = operator.plan[self.row, self.col][:, None]
        flat = operator.off
        square = flat**2
        self.rows = flat.sum(axis=1)[:, None], square.sum(axis=1)[:, None]
        self.cols = flat.sum(axis=0)[:, None], square.sum(axis=0)[:, None]
        self.down = flat, square
        self.across = np.ascontiguousarray(flat.T), np.ascontiguousarray(square.T)

    def image(self, u: FloatArray, v: FloatArray) -> _Image:
        """H[uv']."""
        a, b = self._levels(u[self.row] * v[self.col])
        flat, by_b = _products(self.across[0], v, b)
        by_u, by_a = _products(self.down[0], u, a)
        rows = u * flat - a * self.rows[0] - by_b
        cols = v * by_u - b * self.cols[0] - by_a
        a, b, left = self._fit(a, b, rows, cols)
        square = _products(self.across[1], v, v * v, v * b, b)
        total = u * u * square[1] + a * (a * self.rows[1] + 2 * square[3])
        total -= 2 * u * (a * square[0] + square[2])
        squared = total.sum(axis=0) + np.einsum("jk,jk,j->k", b, b, self.cols[1][:, 0])
        squared += ((self.mass * left) ** 2).sum(axis=0)
        norm = np.sqrt(np.maximum(squared, 0.0))
        return _Image(a=a, b=b, left=left, flat=flat, square=square, norm=norm)

    def top_pair(
        self, u: FloatArray, v: FloatArray, image: _Image
    ) -> tuple[FloatArray, FloatArray]:
        """A power step from (u, v) on each side towards the top singular pair of H[M]."""
        on_tree = self.mass * image.left
        c, d = self._levels(on_tree)
        by_v, by_vv, by_vb, by_b = image.square
        by_u, by_a = _products(self.down[1], u, image.a)
        (flat_d,), (flat_c,) = _products(self.across[0], d), _products(self.down[0], c)
        rows = u * by_v - image.a * self.rows[1] - by_b - c * self.rows[0] - flat_d
        cols = v * by_u - image.b * self.cols[1] - by_a - d * self.cols[0] - flat_c
        c, d, left = self._fit(c, d, rows, cols)
        (flat_dv,) = _products(self.across[0], d * v)
        left = self.mass * left
        new = u * by_vv - image.a * by_v - by_vb - c * image.flat - flat_dv
        np.add.at(new, self.row, left * v[self.col])
        u, old = _unit(new, u), u
        mixed, plain, bent = _products(self.down[1], old * u, u, image.a * u)
        flat, flat_c = _products(self.down[0], u, c * u)
        new = v * mixed - image.b * plain - bent - d * flat - flat_c
        np.add.at(new, self.col, left * u[self.row])
        return u, _unit(new, v)

    def _levels(self, on_tree: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(a, b) with a_i + b_j as given on the tree's pairs, shape (n+m-1, k)."""
        return self._summed(self.sign * on_tree)

    def _fit(
        self, a: FloatArray, b: FloatArray, rows: FloatArray, cols: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The least-squares (a, b), and what it leaves on the tree, from the sums of the rest."""
        operator = self.operator
        flow = np.concatenate([rows, -cols])[operator.tree.node]
        accumulate_up(flow, operator.tree.parent)
        carries = operator.carries[:, None]
        step = operator.differences((flow * carries).T).T * carries
        more, also = self._summed(step[1:])
        return a + more, b + also, -self.sign * step[1:]

    def _summed(self, step: FloatArray) -> tuple[FloatArray, FloatArray]:
        level = np.zeros((len(step) + 1, step.shape[1]))
        level[1:] = step
        accumulate_down(level, self.operator.tree.parent)
        ordered = np.empty_like(level)
        ordered[self.operator.tree.node] = level
        return ordered[: self.n], -ordered[self.n :]


def _products(transposed: FloatArray, *stacks: FloatArray) -> tuple[FloatArray, ...]:
    """A matrix times each stack of columns, in one product; the matrix is given transposed."""
    columns = np.concatenate(stacks, axis=1)
    return tuple(np.split(product(columns.T, transposed, FEW).T, len(stacks), axis=1))


def _unit(vectors: FloatArray, otherwise: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=0)
    return np.asarray(np.where(norms > 0, vectors / np.where(norms > 0, norms, 1.0), otherwise))


def _starts(operator: BlockOperator, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Single pairs that answer most or have most room to move, and random directions."""
    n, m = operator.shape
    pairs = _candidates(operator, rng)
    u = np.concatenate([np.zeros((n, len(pairs))), rng.standard_normal((n, RANDOM))], axis=1)
    v = np.concatenate([np.zeros((m, len(pairs))), rng.standard_normal((m, RANDOM))], axis=1)
    at = np.arange(len(pairs))
    u[pairs // m, at] = v[pairs % m, at] = 1.0
    return _unit(u, u), _unit(v, v)


def _candidates(operator: BlockOperator, rng: np.random.Generator) -> IntArray:
    """Flat indices of pairs; those that answer most have the largest entries of H^q of noise."""
    probe = rng.standard_normal((PROBES, *operator.shape))
    for _ in range(PROBE_STEPS):
        probe = operator.move(probe)
        probe /= np.linalg.norm(probe, axis=(1, 2), keepdims=True).max() or 1.0
    answer = np.einsum("kij,kij->ij", probe, probe)
    first = _apart(heaviest(answer, 32 * ANSWERING), operator.shape)[:ANSWERING]
    return np.unique(np.concatenate([first, heaviest_free(operator.plan, FREE)]))


def _apart(pairs: IntArray, shape: tuple[int, int]) -> IntArray:
    """Those pairs, in order, that share neither row nor column with one before."""
    rows, cols = np.divmod(pairs, shape[1])
    free_row, free_col = np.ones(shape[0], dtype=bool), np.ones(shape[1], dtype=bool)
    kept = []
    for pair, i, j in zip(pairs.tolist(), rows.tolist(), cols.tolist(), strict=True):
        if free_row[i] and free_col[j]:
            free_row[i] = free_col[j] = False
            kept.append(pair)
    return np.array(kept, dtype=np.int64)
