"""Fixed points, K sweeps and gains in extended precision, from their definitions."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as mp

from tests.naive.jacobian import DIGITS, spectral_norm


def gain(plan, eps):
    """‖dP*/dC‖: the largest eigenvalue of D(I - Π)D/eps, Π from an orthonormal basis, (nm, nm)."""
    n, m = plan.rows, plan.cols
    roots = [mp.sqrt(plan[i, j]) for i in range(n) for j in range(m)]
    spans = []
    for side in range(n + m - 1):
        vector = [
            roots[i * m + j] if side in (i, n + j) else mp.mpf(0)
            for i in range(n)
            for j in range(m)
        ]
        for _ in range(2):
            for known in spans:
                share = mp.fsum(a * b for a, b in zip(known, vector, strict=True))
                vector = [a - share * b for a, b in zip(vector, known, strict=True)]
        size = mp.sqrt(mp.fsum(a * a for a in vector))
        spans.append([a / size for a in vector])
    size = n * m
    derivative = mp.matrix(size, size)
    for a in range(size):
        for b in range(size):
            inner = mp.mpf(1 if a == b else 0) - mp.fsum(v[a] * v[b] for v in spans)
            derivative[a, b] = roots[a] * inner * roots[b] / mp.mpf(float(eps))
    return mp.eigsy(derivative, eigvals_only=True)[size - 1]


def fixed_point(cost, eps, row, col, g, digits):
    """The plan (mp) of a cost from potentials g near it, by Newton; None where it does not settle.

    f is eliminated row by row; the last g is held. Residuals fall to 10^-(digits / 2) of c.
    """
    mp.mp.dps = digits
    n, m = cost.shape
    row, col, g = ([mp.mpf(float(x)) for x in part] for part in (row, col, g))
    eps = mp.mpf(float(eps))
    # Doubles add up to the same total only to rounding.
    col = [c * mp.fsum(row) / mp.fsum(col) for c in col]
    infinite = float("inf")
    for _ in range(60):
        plan = mp.matrix(n, m)
        for i in range(n):
            heights = [
                None if cost[i, j] == infinite else (g[j] - mp.mpf(float(cost[i, j]))) / eps
                for j in range(m)
            ]
            top = max(h for h in heights if h is not None)
            values = [mp.mpf(0) if h is None else mp.exp(h - top) for h in heights]
            total = mp.fsum(values)
            for j in range(m):
                plan[i, j] = row[i] * values[j] / total
        sums = [mp.fsum(plan[i, j] for i in range(n)) for j in range(m)]
        error = max(abs(s / c - 1) for s, c in zip(sums, col, strict=True))
        if error < mp.mpf(10) ** (-digits // 2):
            return plan
        system = mp.matrix(m - 1, m - 1)
        for j in range(m - 1):
            for k in range(m - 1):
                shared = mp.fsum(plan[i, j] * plan[i, k] / row[i] for i in range(n))
                system[j, k] = (sums[j] if j == k else 0) - shared
        step = mp.lu_solve(system, mp.matrix([col[j] - sums[j] for j in range(m - 1)]))
        largest = max((abs(x) for x in step), default=mp.mpf(0))
        for j in range(m - 1):
            g[j] += eps * step[j] / max(1, largest / 2)
    return None


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
        kernel = [[_weight(float(cost[i, j]), eps) for j in range(m)] for i in range(n)]
        plan, product = mp.matrix(kernel), mp.eye(m)
        first = plan = _rows_scaled(plan, row)
        for _ in range(iters):
            second = _rows_scaled(plan.T, col)
            to_rows = mp.diag([1 / r for r in row]) * first
            product = mp.diag([1 / c for c in col]) * second * to_rows * product
            first = plan = _rows_scaled(second.T, row)
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
        reduced = self.reduced()
        if reduced.rows == 1:  # of which older mpmaths make a list in a list
            return abs(reduced[0, 0])
        values = mp.eig(reduced, left=False, right=False)
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


def _weight(cost, eps):
    return mp.mpf(0) if cost == float("inf") else mp.exp(-mp.mpf(cost) / mp.mpf(float(eps)))


def _rows_scaled(plan, sums):
    """The matrix with its rows divided by their sums and multiplied by ``sums``."""
    totals = [mp.fsum(plan[i, j] for j in range(plan.cols)) for i in range(plan.rows)]
    return mp.diag([s / total for s, total in zip(sums, totals, strict=True)]) * plan
