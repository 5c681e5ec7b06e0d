"""Components of bipartite graphs."""

from __future__ import annotations

import numpy as np

from sinkdiag.numerics.components import bipartite_components


def test_blocks_are_found_in_any_order():
    rng = np.random.default_rng(1)
    blocks = np.kron(np.eye(4, dtype=bool), np.ones((3, 2), dtype=bool)).astype(bool)
    p, q = rng.permutation(12), rng.permutation(8)
    found = bipartite_components(blocks[p][:, q])
    assert found.count == 4
    rows = {(i // 3, label) for i, label in zip(p.tolist(), found.row.tolist())}
    assert rows == {(j // 2, label) for j, label in zip(q.tolist(), found.col.tolist())}
    assert len(rows) == 4


def test_lines_without_an_entry_are_alone():
    mask = np.zeros((3, 2), dtype=bool)
    mask[0, 1] = True
    found = bipartite_components(mask)
    assert found.row.tolist() == [0, 1, 2]
    assert found.col.tolist() == [3, 0]
    assert found.count == 4


def test_a_transposed_view_has_the_same_components():
    mask = np.random.default_rng(2).random((9, 7)) < 0.2
    straight, turned = bipartite_components(mask), bipartite_components(mask.T)
    assert straight.count == turned.count > 1
    pairs = set(zip(straight.row.tolist(), turned.col.tolist()))
    assert len(pairs) == len(set(straight.row.tolist())) == len(set(turned.col.tolist()))
