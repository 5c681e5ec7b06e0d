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
        return cls.at(mp.matrix([[mp.mpf(float(value)) for value in line] for line in plan]))

    @classmethod
    def at(cls, exact):
        """From a plan in extended precision, at the digits in force."""
        n, m = exact.rows, exact.cols
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

    def peak(self, norm):
        """The largest ‖J^k‖ over k >= 1: by doubling, then 40 points round the best, twice.

        Powers and norms in 40 digits; logarithms and vectors in those in force.
        """
        factor, condition = self.unit_factor(norm), self.condition(norm)
        inverse = factor**-1
        logs = [mp.log(abs(value)) if value else mp.mpf("-inf") for value in self.eigenvalues]

        def size(k):
            powers = [mp.exp(k * log) if mp.isfinite(log) else mp.mpf(0) for log in logs]
            return spectral_norm(factor * mp.diag(powers) * inverse)

        with mp.workdps(40):
            sizes, k = {}, 1
            while not sizes or condition * mp.exp(k * logs[0]) > max(sizes.values()):
                sizes[k] = size(k)
                k *= 2
            for width in (1.0, 0.05):
                best = max(sizes, key=sizes.get)
                for step in range(-20, 21):
                    k = max(1, int(best * mp.mpf(2) ** (width * step / 20)))
                    if k not in sizes:
                        sizes[k] = size(k)
            return max(sizes.values())

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
    if product.rows == 1:  # of which older mpmaths make a list in a list
        return mp.re(product[0, 0])
    values = mp.eig(product, left=False, right=False)
    return max(mp.re(value) for value in values)
