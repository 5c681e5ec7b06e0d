"""The block operator A = [[diag(r), P], [P', diag(c)]] of a plan, with B, B' and A^+.

With the sign of the columns' potentials flipped, A is the Laplacian of the bipartite graph whose
edge weights are the plan, and its null vector (1, -1) becomes the constant (paper, Eq. 11).
Solves go through the differences of potentials along a maximum spanning tree of the plan: there
the Laplacian is a matrix of cut masses, whose entries are sums of masses, none larger than the
lighter of its two cuts. Its Cholesky factor, and the inverse that is made of it, keep that grading
entry by entry. Hence differences of potentials inside a tightly bound group of rows and columns
keep their relative accuracy however weakly the groups are linked, which no factor of A in the
potentials themselves can give: a right-hand side then has to cancel at the strength of the links.
The inverse is stored because hundreds of single solves follow, which it makes one product each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.linalg

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.kernels import cut_flows, row_products, tree_residual
from sinkdiag.jacobian.tree import (
    SpanningTree,
    accumulate_down,
    accumulate_up,
    cut_matrix,
    heaviest_tree,
)

# Pairs lighter than this, relative to the heaviest pair off the tree, move no result by more than
# (number of pairs) * NEGLIGIBLE, but would take rounding errors of the heavy flows over their mass.
NEGLIGIBLE = 1e-18
# Up to so many vectors a product is not worth a BLAS's threads.
FEW = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockOperator:
    """A of a plan, with the inverse of its cut matrix.

    Attributes
    ----------
    plan:
        P, shape (n, m), with marginals r and c as its own sums.
    tree:
        A maximum spanning tree of the pairs.
    off:
        The plan with the tree's pairs, and negligible ones, set to 0.
    scale:
        D^{-1/2} with D the cut masses of the tree's edges, (n+m-1,).
    inverse:
        Inverse of the cut matrix scaled to a unit diagonal, (n+m-1, n+m-1).
    carries:
        Which positions of the tree are heavy enough to carry a resolved flow; [0] is False.
    """

    plan: FloatArray
    tree: SpanningTree
    off: FloatArray
    scale: FloatArray
    inverse: FloatArray
    carries: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.plan.shape
        return n, m

    @cached_property
    def free(self) -> float:
        """The heaviest pair off the tree, rounded down to a power of 4; 1 if there is none.

        ‖diag(p) - B'A^+B‖_2 is of that size, however light it is: the motion of the plan is made
        of cycles, and a cycle carries what its lightest pair does.
        """
        return power_of_four(float(self.off.max(initial=0.0)))

    @cached_property
    def in_free_units(self) -> BlockOperator:
        """The operator of P/free: squares of what moves then stay inside double precision.

        A^+B does not change, and `move` is what it is here times ``free``, to the last bit.
        """
        return replace(
            self,
            plan=self.plan / self.free,
            off=self.off / self.free,
            scale=self.scale * math.sqrt(self.free),
        )

    def forward(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """B(X) = ((P∘X)1, (P∘X)'1)."""
        moved = self.plan * values
        return moved.sum(axis=1), moved.sum(axis=0)

    def adjoint(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """B'(a, b) = P∘(a⊕b)."""
        return self.plan * (a[:, None] + b)

    def product(self, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A(a, b) = (r∘a + Pb, P'a + c∘b), with r and c the plan's own sums."""
        return (
            self.plan.sum(axis=1) * a + self.plan @ b,
            self.plan.T @ a + self.plan.sum(axis=0) * b,
        )

    def residual(self, values: FloatArray) -> FloatArray:
        """X - a⊕b with (a, b) = A^+ B(X): X less its P-weighted least-squares fit by a⊕b.

        ``values`` is (n, m) or a stack (k, n, m). P∘residual has zero marginals, and its error is
        at rounding level relative to the heaviest pair *off the tree*: nothing is lost when
        the plan approaches a vertex of the transport polytope.
        """
        stack = np.ascontiguousarray(values.reshape(-1, *self.shape))
        level, step = self._fit(stack)
        return np.asarray(self._rest(stack, level, step).reshape(values.shape))

    def potentials(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(a, b) = A^+ B(X) for one X (n, m)."""
        level, step = self._fit(np.ascontiguousarray(values[None]))
        return self._by_side(level[0] + self._summed(step[0]))

    def spread(self, rows: FloatArray, cols: FloatArray) -> FloatArray:
        """a⊕b (n, m) for (a, b) = A^+ (rows, cols), accurate on the tree where a and -b agree."""
        step = self.differences(self._flow(rows, cols)[None])
        nothing = np.zeros((1, *self.shape))
        return np.asarray(-self._rest(nothing, np.zeros_like(step), step)[0])

    def move(self, values: FloatArray) -> FloatArray:
        """P∘residual(X) = -eps DS[X]: symmetric and positive semidefinite in X."""
        moved: FloatArray = self.plan * self.residual(values)
        return moved

    def differences(self, flow: FloatArray) -> FloatArray:
        """Differences of potentials along the tree for flows through its cuts, both (k, n+m)."""
        step = np.zeros_like(flow)
        step[:, 1:] = product(flow[:, 1:] * self.scale, self.inverse) * self.scale
        return step

    def solve(self, rows: FloatArray, cols: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(a, b) = A^+ (rows, cols): the least-norm solution, for sum(rows) = sum(cols)."""
        step = self.differences(self._flow(rows, cols)[None])[0]
        return self._by_side(self._summed(step))

    def _fit(self, stack: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Levels that match each X on the tree, and what the fit adds along the tree."""
        tree, count = self.tree, len(stack)
        level, flow = np.empty((count, tree.size)), np.empty((count, tree.size))
        cut_flows(self.off, stack, tree.parent, tree.node, tree.row, tree.col, level, flow)
        return level, self.differences(flow * self.carries) * self.carries

    def _rest(self, stack: FloatArray, level: FloatArray, step: FloatArray) -> FloatArray:
        tree = self.tree
        left = np.empty_like(stack)
        tree_residual(stack, level, step, tree.parent, tree.node, tree.row, tree.col, left)
        return left

    def _flow(self, rows: FloatArray, cols: FloatArray) -> FloatArray:
        """Sums over the subtrees of rows, less those of cols."""
        flow = np.concatenate([rows, -cols])[self.tree.node]
        flow -= flow.mean()
        accumulate_up(flow, self.tree.parent)
        return flow

    def _summed(self, step: FloatArray) -> FloatArray:
        """Levels from differences along the tree."""
        level = step.copy()
        accumulate_down(level, self.tree.parent)
        return level

    def _by_side(self, level: FloatArray) -> tuple[FloatArray, FloatArray]:
        ordered = np.empty_like(level)
        ordered[self.tree.node] = level - level.mean()
        n = self.shape[0]
        return ordered[:n], -ordered[n:]


def factor_block(plan: FloatArray) -> BlockOperator | None:
    """Factor A for a plan; None when its masses span more than double precision can hold.

    Cost O((n + m)^3); memory about 6 (n + m)^2 doubles while factoring, 1 afterwards.
    """
    tree = heaviest_tree(plan)
    if tree is None:
        return None
    cuts = cut_matrix(plan, tree)
    mass = np.diagonal(cuts).copy()
    if cuts.size and not mass.min() > np.finfo(float).tiny:
        return None
    scale = 1.0 / np.sqrt(mass)
    inverse = _inverse(cuts * scale * scale[:, None])
    if inverse is None:
        return None
    off = plan.copy()
    off[tree.row[1:], tree.col[1:]] = 0.0
    least = NEGLIGIBLE * off.max(initial=0.0)
    off[off < least] = 0.0
    carries = np.zeros(tree.size)
    carries[1:] = plan[tree.row[1:], tree.col[1:]] >= least
    return BlockOperator(
        plan=plan, tree=tree, off=off, scale=scale, inverse=inverse, carries=carries
    )


def power_of_four(size: float) -> float:
    """The largest power of 4 that is no larger than ``size`` >= 0; 1 for 0."""
    return math.ldexp(1.0, (math.frexp(size)[1] - 1) // 2 * 2) if size > 0.0 else 1.0


def product(vectors: FloatArray, matrix: FloatArray, few: int = FEW) -> FloatArray:
    """``vectors`` (k, n) times ``matrix`` (n, m), on one thread for up to ``few`` of them."""
    if len(vectors) > few:
        return np.asarray(vectors @ matrix)
    out = np.empty((len(vectors), matrix.shape[1]))
    row_products(np.ascontiguousarray(vectors), matrix, out)
    return out


def _inverse(matrix: FloatArray) -> FloatArray | None:
    """The inverse of a positive definite matrix, by Cholesky; None where a pivot is not above 0."""
    if not matrix.size:
        return matrix
    factor, info = scipy.linalg.lapack.dpotrf(matrix, lower=1)
    if info:
        return None
    lower = np.tril(scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)[0])
    return np.asarray(lower + np.tril(lower, -1).T)
