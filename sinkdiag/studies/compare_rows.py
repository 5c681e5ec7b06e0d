"""Which rows of two results belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sinkdiag.rendering.saved_results import SavedResult

# Columns by which rows are found again when there are more of them in one result.
_KEYS = ("source", "index", "schedule", "replicate", "step", "slope", "eps", "norm", "re", "im",
         "layer", "site", "topic")  # fmt: skip

Values = Mapping[tuple[str, str], float | str]


def aligned(first: SavedResult, second: SavedResult) -> tuple[Values, Values]:
    """Values of both, rows that belong together under one number.

    As many rows: one after another. Otherwise by source, index, temperature and the like.
    """
    if first.count == second.count:
        return first.values, second.values
    numbers = {key: str(k) for k, key in enumerate(_keys(first))}
    renamed, more = {}, first.count
    for k, key in enumerate(_keys(second)):
        if key in numbers:
            renamed[str(k)] = numbers[key]
        else:
            renamed[str(k)], more = f"{more}", more + 1
    return first.values, {
        (renamed.get(row, row), name): value for (row, name), value in second.values.items()
    }


def _keys(result: SavedResult) -> list[tuple[float | str, ...]]:
    """What tells each row from the others; its number besides, where that is not enough."""
    found: list[tuple[float | str, ...]] = [
        tuple(result.values.get((str(k), name), "") for name in _KEYS) for k in range(result.count)
    ]
    often = Counter(found)
    return [key if often[key] == 1 else (*key, float(k)) for k, key in enumerate(found)]
