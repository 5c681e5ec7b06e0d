"""Saved pseudospectra, to be drawn again without computing; nothing in a file is trusted.

An .npz archive: ``header`` is JSON with the format and a label for each pseudospectrum; number k
has its summary ``k_summary`` as JSON and its arrays ``k_re``, ``k_im``, ``k_origin``, ``k_norms``,
``k_converged``, ``k_eigenvalues`` and ``k_numerical_range``.
"""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from sinkdiag.arrays import AnyArray
from sinkdiag.errors import InputError
from sinkdiag.load.arrays import any_npy, member_bytes, open_archive
from sinkdiag.load.source import MOST_BYTES, bytes_of, too_large, walled
from sinkdiag.rendering.decode import decode
from sinkdiag.rendering.table import Label, json_value
from sinkdiag.resolvent.grid import Grid
from sinkdiag.resolvent.pseudospectrum import Pseudospectrum, PseudospectrumSummary

FORMAT = "sinkdiag pseudospectrum 3"
# Numbers whose squares leave double precision are in no grid that was saved.
_LARGEST = 1e150
_ARRAYS = ("norms", "converged", "eigenvalues", "numerical_range")
_FIELDS = ("summary", "re", "im", "origin", *_ARRAYS)


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedGrid:
    """One pseudospectrum, and which input it was made from."""

    label: Label
    pseudospectrum: Pseudospectrum


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedGrids:
    """The pseudospectra of a run, in order; ``labelled`` as its rows were."""

    labelled: bool
    grids: tuple[SavedGrid, ...]


@dataclass(frozen=True, kw_only=True)
class _Header:
    format: str
    labelled: bool
    labels: tuple[Label, ...]


def write_grids(stream: IO[bytes], saved: SavedGrids) -> None:
    """Write grids and summaries into one .npz."""
    labels = tuple(entry.label for entry in saved.grids)
    header = _Header(format=FORMAT, labelled=saved.labelled, labels=labels)
    arrays: dict[str, Any] = {"header": _text(header)}
    for number, entry in enumerate(saved.grids):
        found = entry.pseudospectrum
        arrays[f"{number}_summary"] = _text(found.summary)
        arrays[f"{number}_re"], arrays[f"{number}_im"] = found.grid.re, found.grid.im
        arrays[f"{number}_origin"] = np.array(found.grid.origin)
        for name in _ARRAYS:
            arrays[f"{number}_{name}"] = getattr(found, name)
    np.savez_compressed(stream, **arrays)


def load_grids(path: str) -> SavedGrids:
    """What `write_grids` wrote.

    Raises
    ------
    InputError
        When the file is missing, damaged, of another format, or larger than inputs may be.
    """
    remedy = "write it again with --save-grid"
    with open_archive(bytes_of(path, "saved pseudospectrum"), path) as archive:
        if "header.npy" not in archive.namelist():
            raise InputError(path, "not a saved pseudospectrum", "write one with --save-grid")
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            raise too_large(path, "what it unpacks to")
        return walled(path, "saved pseudospectrum", remedy, lambda: _read(archive))


def _read(archive: zipfile.ZipFile) -> SavedGrids:
    header = decode(_Header, _json(archive, "header"))
    if header.format != FORMAT:
        raise ValueError(f"the format is {header.format!r} and not {FORMAT!r}")
    count = len(header.labels)
    expected = {"header", *(f"{number}_{name}" for number in range(count) for name in _FIELDS)}
    if {name.removesuffix(".npy") for name in archive.namelist()} != expected or count == 0:
        raise ValueError("arrays are missing, or there are others")
    grids = tuple(
        SavedGrid(label=label, pseudospectrum=_pseudospectrum(archive, number))
        for number, label in enumerate(header.labels)
    )
    if any(grid.label.index != grid.pseudospectrum.summary.index for grid in grids):
        raise ValueError("a label and a summary name different matrices")
    return SavedGrids(labelled=header.labelled, grids=grids)


def _pseudospectrum(archive: zipfile.ZipFile, number: int) -> Pseudospectrum:
    summary = decode(PseudospectrumSummary, _json(archive, f"{number}_summary"))
    re, im = (_axis(archive, f"{number}_{name}") for name in ("re", "im"))
    origin = float(_array(archive, f"{number}_origin", "f8", ()))
    shape = (len(im), len(re))
    norms = _array(archive, f"{number}_norms", "f8", shape)
    if (norms < 0.0).any():
        raise ValueError("a norm is negative")
    found = Pseudospectrum(
        summary=summary,
        grid=Grid(re=re, im=im, origin=origin),
        norms=norms,
        converged=_array(archive, f"{number}_converged", "b1", shape),
        eigenvalues=_array(archive, f"{number}_eigenvalues", "c16", (None,)),
        numerical_range=_array(archive, f"{number}_numerical_range", "c16", (None,)),
    )
    _check(found)
    return found


def _check(found: Pseudospectrum) -> None:
    """Refuse a summary that does not belong to its arrays, or says what cannot be."""
    summary, grid = found.summary, found.grid
    known = 0 if math.isnan(summary.kappa_V) else summary.order
    finite = (found.eigenvalues, found.numerical_range, np.array(grid.origin))
    faults = {
        "a number is not finite": not all(np.isfinite(values).all() for values in finite),
        "a count is negative": min(
            summary.index, summary.iters, summary.order, summary.unconverged, summary.unresolved
        )
        < 0,
        "the points are not those of the grid": summary.points != found.norms.size
        or summary.unconverged + summary.unresolved > summary.points,
        "the eigenvalues do not fit the order": len(found.eigenvalues) != known
        or (len(found.numerical_range) > 0) != (known > 0),
        "a temperature is not positive": not (summary.eps > 0.0 or math.isnan(summary.eps)),
        "a level is not positive": not all(0.0 < r.level < math.inf for r in summary.radii),
    }
    for fault, is_there in faults.items():
        if is_there:
            raise ValueError(fault)


def _axis(archive: zipfile.ZipFile, name: str) -> AnyArray:
    axis = _array(archive, name, "f8", (None,))
    if len(axis) < 2 or not (np.abs(axis) <= _LARGEST).all() or not (np.diff(axis) > 0.0).all():
        raise ValueError("an axis does not ascend")
    return axis


def _array(
    archive: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int | None, ...]
) -> AnyArray:
    """An array of this type and shape; None fits any length."""
    array = any_npy(member_bytes(archive, f"{name}.npy", name), name)
    fits = len(shape) == array.ndim and all(
        want in (None, size) for want, size in zip(shape, array.shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        raise ValueError(f"{name} has the type {array.dtype} and the shape {array.shape}")
    return array


def _text(record: object) -> AnyArray:
    return np.frombuffer(json.dumps(json_value(record), allow_nan=False).encode(), dtype=np.uint8)


def _json(archive: zipfile.ZipFile, name: str) -> object:
    def refuse(token: str) -> None:
        raise ValueError(f"{token} in JSON")

    text = _array(archive, name, "u1", (None,)).tobytes().decode()
    return json.loads(text, parse_constant=refuse)
