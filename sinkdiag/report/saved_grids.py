"""Saved pseudospectra, to be drawn again without computing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sinkdiag.errors import InputError
from sinkdiag.load.arrays import ZIP_MAGIC
from sinkdiag.report.files import write_with
from sinkdiag.report.table import json_value
from sinkdiag.resolvent.grid import Grid
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.powers import Power
from sinkdiag.resolvent.radius import Radius
from sinkdiag.resolvent.structured import Shift
from sinkdiag.results import Status
from sinkdiag.studies.portrait import Facts, Portrait

FORMAT = "sinkdiag pseudospectrum 1"
_ARRAYS = ("norms", "converged", "eigenvalues", "numerical_range")


def save_portraits(path: str, portraits: list[Portrait]) -> None:
    """Write grids and facts into one .npz, whole or not at all."""
    arrays: dict[str, Any] = {"format": np.array(FORMAT), "count": np.array(len(portraits))}
    for index, item in enumerate(portraits):
        arrays[f"{index}_facts"] = np.array(json.dumps(json_value(item.facts)))
        arrays[f"{index}_re"], arrays[f"{index}_im"] = item.grid.re, item.grid.im
        arrays[f"{index}_origin"] = np.array(item.grid.origin)
        for name in _ARRAYS:
            arrays[f"{index}_{name}"] = getattr(item, name)
    write_with(path, lambda stream: np.savez_compressed(stream, **arrays))


def load_portraits(path: str) -> list[Portrait]:
    """What `save_portraits` wrote.

    Raises
    ------
    InputError
        When the file is missing, damaged or something else.
    """
    try:
        if not Path(path).read_bytes().startswith(ZIP_MAGIC):
            raise ValueError("not an archive")
        with np.load(path, allow_pickle=False) as archive:
            if "format" not in archive or str(archive["format"]) != FORMAT:
                raise InputError(path, "not a saved pseudospectrum", "write one with --save-grid")
            return [_portrait(archive, index) for index in range(int(archive["count"]))]
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "check the path") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            path, "not a readable .npz archive", "write it with --save-grid"
        ) from error


def _portrait(archive: Any, index: int) -> Portrait:
    facts = _facts(json.loads(str(archive[f"{index}_facts"])))
    grid = Grid(archive[f"{index}_re"], archive[f"{index}_im"], float(archive[f"{index}_origin"]))
    return Portrait(facts, grid, *(archive[f"{index}_{name}"] for name in _ARRAYS))


def _facts(stored: dict[str, Any]) -> Facts:
    values = {name: _number(value) for name, value in stored.items()}
    values["radii"] = tuple(_part(Radius, item) for item in stored["radii"])
    values["kreiss"] = _part(Kreiss, stored["kreiss"])
    values["powers"] = tuple(_part(Power, item) for item in stored["powers"])
    values["structured"] = tuple(_part(Shift, item) for item in stored["structured"])
    values["status"] = Status(stored["status"])
    return Facts(**values)


def _part(kind: Any, stored: dict[str, Any]) -> Any:
    values = {name: _number(value) for name, value in stored.items()}
    if "status" in values:
        values["status"] = Status(values["status"])
    return kind(**values)


def _number(value: Any) -> Any:
    """JSON's null and "inf" back to the floats they were; lists to tuples."""
    if value is None:
        return float("nan")
    if value in ("inf", "-inf"):
        return float(value)
    return tuple(_number(item) for item in value) if isinstance(value, list) else value
