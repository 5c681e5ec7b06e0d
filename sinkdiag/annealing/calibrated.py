"""What a calibration says of its controller, read from its row or its JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinkdiag.errors import InputError, first_words


@dataclass(frozen=True, kw_only=True)
class CalibratedCooling:
    """Slope (mass per cost unit), factor, zone and temperatures (cost units) of a controller."""

    k_safe: float
    alpha0: float
    beta: float
    eps_start: float
    eps_min: float


NAMES = tuple(CalibratedCooling.__dataclass_fields__)


def read_row(row: object, source: str = "row") -> CalibratedCooling:
    """From a row of ``calibrate``: the record itself, or a mapping such as a line of its CSV.

    Raises
    ------
    InputError
        When a column is missing or no number, or the calibration found no slope.
    """
    values = {name: _number(row, name, source) for name in NAMES}
    if math.isnan(values["k_safe"]):
        raise InputError(
            source, "the calibration found no slope (k_safe is nan)", "read its verdict"
        )
    return CalibratedCooling(**values)


def read_document(document: str | Path, index: int | None = None) -> CalibratedCooling:
    """From what ``calibrate --format json`` writes: its text, or the path of the file.

    Raises
    ------
    InputError
        When it cannot be read, is no calibration, or holds several rows and no index says which.
    """
    text, source = _text(document)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(source, f"no JSON ({first_words(error)})", "give --format json") from error
    rows = found.get("rows") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not rows or found.get("command") != "calibrate":
        raise InputError(source, "no result of calibrate", "give what calibrate -o FILE.json wrote")
    if index is None and len(rows) > 1:
        raise InputError(source, f"it holds {len(rows)} rows", "say which with index")
    if index is not None and not 0 <= index < len(rows):
        raise InputError("index", f"there is no row {index}", f"it holds {len(rows)}")
    return read_row(rows[index or 0], source)


def _text(document: str | Path) -> tuple[str, str]:
    if isinstance(document, str) and document.lstrip().startswith(("{", "[")):
        return document, "calibration"
    try:
        return Path(document).read_text(encoding="utf-8"), str(document)
    except (OSError, ValueError) as error:
        raise InputError(str(document), f"cannot be read ({error})", "check the path") from error


def _number(row: object, name: str, source: str) -> float:
    value: Any = row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)
    try:
        # JSON has no nan: calibrate writes null there.
        return math.nan if value is None and _has(row, name) else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(
            source, f"column {name} is missing or no number", "give a row of calibrate"
        ) from error


def _has(row: object, name: str) -> bool:
    return name in row if isinstance(row, Mapping) else hasattr(row, name)
