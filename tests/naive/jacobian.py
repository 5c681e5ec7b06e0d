"""Slow twins for the spectrum: loops over definitions, in floats or in mpmath at 160 digits."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as mp

DIGITS = 160


def dispersion(plan, x, mean):
    """Σ_ij P_ij (x_jp - mean_ip)² for every p, as a list."""
    return [
        sum(
            plan[i][j] * (x[j][p] - mean[i][p]) ** 2
            for i in range(len(plan))
            for j in range(len(plan[0]))
        )
        for p in range(len(x[0]))
    ]


def components(mask):
    """Connected components of the bipartite graph of a boolean matrix, by flooding."""
    n, m = len(mask), len(mask[0])
    label = {}
    count = 0
    for start in [("r", i) for i in range(n)] + [("c", j) for j in range(m)]:
        if start in label:
            continue
        stack = [start]
        while stack:
            side, k = stack.pop()
            if (side, k) in label:
                continue
            label[side, k] = count
            if side == "r":
                stack += [("c", j) for j in range(m) if mask[k][j]]
            else:
                stack += [("r", i) for i in range(n) if mask[i][k]]
        count += 1
    return count


@dataclass
class Reference:
    """J at a plan whose own sums are the marginals, from its definition in extended precision."""

    plan: mp.matrix
    row: list
    col: list
    eigenvalues: list
    vectors: mp.matrix

    @classmethod
    def of(cls, plan):
        mp.mp.dps = DIGITS
        n, m = plan.shape
        exact = mp.matrix([[mp.mpf(float(value)) for value in line] for line in plan])
        row = [mp.fsum(exact[i, j] for j in range(m)) for i in range(n)]
        col = [mp.fsum(exact[i, j] for i in range(n)) for j in range(m)]
        symmetric = mp.matrix(m, m)
        for j in range(m):
            for k in range(m):
                total = mp.fsum(exact[i, j] * exact[i, k] / row[i] for i in range(n))
                symmetric[j, k] = total / mp.sqrt(col[j] * col[k])
        values, q = mp.eigsy(symmetric)
        vectors = mp.matrix(m, m - 1)
        for k in range(m - 1):
            for j in range(m):
                vectors[j, k] = q[j, m - 2 - k] / mp.sqrt(col[j])
        return cls(exact, row, col, [values[m - 2 - k] for k in range(m - 1)], vectors)

    @property
    def gaps(self):
        return [1 - value for value in self.eigenvalues]

    def embedded(self, norm):
        """Columns whose Euclidean lengths are the modes' norms, straight from the definition."""
        n, m, x = self.plan.rows, self.plan.cols, self.vectors
        if norm == "plan":
            out = mp.matrix(n * m, m - 1)
            for k in range(m - 1):
                for i in range(n):
                    a = -mp.fsum(self.plan[i, j] * x[j, k] for j in range(m)) / self.row[i]
                    for j in range(m):
                        out[i * m + j, k] = self.plan[i, j] * (a + x[j, k])
            return out
        out = mp.matrix(m, m - 1)
        for k in range(m - 1):
            middle = mp.fsum(x[j, k] for j in range(m)) / m
            for j in range(m):
                out[j, k] = (
                    x[j, k] - middle if norm == "potential" else mp.sqrt(self.col[j]) * x[j, k]
                )
        return out

    def gram(self, norm):
        columns = self.embedded(norm)
        return columns.T * columns

    def unit_factor(self, norm):
        gram = self.gram(norm)
        size = [mp.sqrt(gram[k, k]) for k in range(gram.rows)]
        for a in range(gram.rows):
            for b in range(gram.rows):
                gram[a, b] /= size[a] * size[b]
        return mp.cholesky(gram).T

    def function_norm(self, norm, values):
        factor = self.unit_factor(norm)
        return spectral_norm(factor * mp.diag(values) * factor**-1)

    def condition(self, norm):
        factor = self.unit_factor(norm)
        return spectral_norm(factor) * spectral_norm(factor**-1)

    def eigenvalue_condition(self, norm):
        inverse = self.unit_factor(norm) ** -1
        return mp.sqrt(mp.fsum(inverse[0, k] ** 2 for k in range(inverse.cols)))

    def departure(self, norm):
        factor = self.unit_factor(norm)
        matrix = factor * mp.diag(self.eigenvalues) * factor**-1
        square = mp.fsum(matrix[a, b] ** 2 for a in range(matrix.rows) for b in range(matrix.rows))
        return mp.sqrt(square - mp.fsum(value**2 for value in self.eigenvalues))

    def duality_rhs(self, norm):
        """‖D_c^{-1}K‖/‖L^+K‖ from the matrices X'(·)X: KK' = G goes in, the norm comes out."""
        gaps = self.gaps
        metric = self.gram("plan")
        out = self.gram(norm)
        slow = mp.diag([1 / gap for gap in gaps])
        top = spectral_radius(out * metric)
        bottom = spectral_radius(out * (slow * metric * slow))
        return mp.sqrt(top / bottom)


def accumulate_up(values, parent):
    """Each position's own value and those of everything below it."""
    below = [[k] for k in range(len(parent))]
    for k in range(1, len(parent)):
        above = k
        while above:
            above = parent[above]
            below[above].append(k)
    return [sum(values[k] for k in group) for group in below]


def accumulate_down(values, parent):
    """Each position's own value and those of everything above it, the root's for its children."""
    total = []
    for k in range(len(parent)):
        found, at = values[k], k
        while at:
            at = parent[at]
            found = found + values[at]
        total.append(found)
    return total


def cut_flows(off, values, tree):
    """(level, flow) of one X (n, m): potentials that match X on the tree, flows through its cuts.

    ``tree`` is a list of (node, parent, row, col) a position, the root first.
    """
    n, m = off.shape
    level = [0.0]
    for node, parent, i, j in tree[1:]:
        level.append(level[parent] + (values[i, j] if node < n else -values[i, j]))
    potential = {node: level[k] for k, (node, *_) in enumerate(tree)}

    def left(i, j):
        return off[i, j] * (values[i, j] - potential[i] + potential[n + j])

    own = [
        sum(left(node, j) for j in range(m))
        if node < n
        else -sum(left(i, node - n) for i in range(n))
        for node, *_ in tree
    ]
    return level, accumulate_up(own, [parent for _, parent, *_ in tree])


def tree_residual(values, level, step, tree):
    """X - a⊕b for potentials that are ``level`` and the sums of ``step`` along the tree."""
    n, m = values.shape
    more = accumulate_down([0.0, *step[1:]], [parent for _, parent, *_ in tree])
    potential = {node: level[k] + more[k] for k, (node, *_) in enumerate(tree)}
    left = [[values[i, j] - potential[i] + potential[n + j] for j in range(m)] for i in range(n)]
    for k, (node, _, i, j) in enumerate(tree):
        if k:
            left[i][j] = -step[k] if node < n else step[k]
    return left


def row_products(vectors, matrix):
    """The product of two matrices, entry by entry."""
    inner = range(len(matrix))
    return [
        [sum(vector[k] * matrix[k][j] for k in inner) for j in range(len(matrix[0]))]
        for vector in vectors
    ]


def spectral_norm(matrix):
    square = matrix.T * matrix
    return mp.sqrt(mp.eigsy(square, eigvals_only=True)[square.rows - 1])


def spectral_radius(product):
    values = mp.eig(product, left=False, right=False)
    return max(mp.re(value) for value in values)


@dataclass
class SweepReference:
    """K sweeps from g = 0 and J_K = Π Q2'Q1 on potentials modulo constants, from definitions."""

    plan: mp.matrix
    row: list
    col: list
    product: mp.matrix

    @classmethod
    def of(cls, cost, eps, iters, row, col, digits=DIGITS):
        mp.mp.dps = digits
        n, m = cost.shape
        row, col = ([mp.mpf(float(x)) for x in part] for part in (row, col))
        plan = mp.matrix(n, m)
        for i in range(n):
            for j in range(m):
                value = float(cost[i, j])
                plan[i, j] = (
                    mp.mpf(0) if value == float("inf") else mp.exp(-mp.mpf(value) / mp.mpf(eps))
                )
        product = mp.eye(m)
        for step in range(2 * iters + 1):
            if step % 2 == 0:
                for i in range(n):
                    total = mp.fsum(plan[i, :])
                    for j in range(m):
                        plan[i, j] *= row[i] / total
                first = mp.matrix(n, m)
                for i in range(n):
                    for j in range(m):
                        first[i, j] = plan[i, j] / row[i]
            else:
                for j in range(m):
                    total = mp.fsum(plan[:, j])
                    for i in range(n):
                        plan[i, j] *= col[j] / total
                second = mp.matrix(m, n)
                for i in range(n):
                    for j in range(m):
                        second[j, i] = plan[i, j] / col[j]
                product = second * (first * product)
        return cls(plan, row, col, product)

    def reduced(self):
        """J_K on differences to the last potential, (m - 1, m - 1)."""
        m = self.product.rows
        out = mp.matrix(m - 1, m - 1)
        for j in range(m - 1):
            for k in range(m - 1):
                out[j, k] = self.product[j, k] - self.product[m - 1, k]
        return out

    def radius(self):
        values = mp.eig(self.reduced(), left=False, right=False)
        return max(abs(value) for value in values)

    def factor(self, norm):
        """Upper triangular R with ‖R d‖ the norm of the potential (d, 0)."""
        n, m = self.plan.rows, self.plan.cols
        total = mp.fsum(self.col)
        columns = []
        for k in range(m - 1):
            b = [mp.mpf(1 if j == k else 0) for j in range(m)]
            if norm == "plan":
                columns.append(
                    [
                        self.plan[i, j] * (b[j] - self.plan[i, k] / self.row[i])
                        for i in range(n)
                        for j in range(m)
                    ]
                )
            elif norm == "natural":
                shift = self.col[k] / total
                columns.append([mp.sqrt(self.col[j]) * (b[j] - shift) for j in range(m)])
            else:
                columns.append([b[j] - mp.mpf(1) / m for j in range(m)])
        gram = mp.matrix(m - 1, m - 1)
        for a in range(m - 1):
            for b in range(m - 1):
                gram[a, b] = mp.fsum(x * y for x, y in zip(columns[a], columns[b], strict=True))
        return mp.cholesky(gram).T

    def norm(self, norm):
        factor = self.factor(norm)
        return spectral_norm(factor * self.reduced() * factor**-1)
