"""Saved grids: what is written is read again, and nothing that was altered is."""

from __future__ import annotations

import contextlib
import io
import json
import math
import zipfile
from dataclasses import asdict

import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.rendering.saved_grids import load_grids
from sinkdiag.studies.pseudospectrum import pseudospectrum, saved_pseudospectra
from tests.helpers import invoke, planar_cost

ARRAYS = ("re", "im", "origin", "norms", "converged", "eigenvalues", "numerical_range")
NAMES = ("summary", *ARRAYS)


@pytest.fixture(scope="module")
def result():
    cost = np.stack([planar_cost(6, 0), planar_cost(6, 1)])
    return pseudospectrum(cost, 0.2, layout="batch", grid=(5, 4), structured=0.01)


@pytest.fixture(scope="module")
def saved(result):
    stream = io.BytesIO()
    result.write_grids(stream)
    return stream.getvalue()


def members(data):
    with np.load(io.BytesIO(data)) as archive:
        return {name: archive[name] for name in archive.files}


def written(path, arrays, **extra):
    np.savez(path, **arrays, **extra)
    return str(path)


def test_what_was_written_is_read(result, saved, tmp_path):
    path = tmp_path / "grids.npz"
    path.write_bytes(saved)
    again = saved_pseudospectra(load_grids(str(path)))
    assert again.table.render("json") == result.table.render("json")
    assert again.findings == result.findings
    assert again.details == result.details
    assert again.labelled
    assert [part.label.index for part in again.parts] == [0, 1]
    for old, new in zip(result.pseudospectra, again.pseudospectra, strict=True):
        np.testing.assert_array_equal(old.eigenvalues, new.eigenvalues)
        np.testing.assert_array_equal(old.numerical_range, new.numerical_range)
        np.testing.assert_equal(asdict(old.summary), asdict(new.summary))
    stream = io.BytesIO()
    again.write_grids(stream)
    assert stream.getvalue() == saved


def test_nan_and_infinities_come_back(tmp_path):
    block = pseudospectrum(matrix=np.diag(np.ones(30), 1), grid=(4, 4), axes=(-0.1, 0.1, -0.1, 0.1))
    path = tmp_path / "grids.npz"
    with path.open("wb") as stream:
        block.write_grids(stream)
    summary = load_grids(str(path)).grids[0].pseudospectrum.summary
    assert math.isnan(summary.eps)
    assert summary.kappa_V == math.inf
    assert summary.kreiss.point == (math.inf, 0.0)
    assert summary.unresolved == 16


def refused(path):
    """Refused in Python, and on the command line with one line, status 3 and no rows."""
    with pytest.raises(InputError):
        load_grids(path)
    found = invoke("pseudospectrum", "--from-grid", path)
    assert (found.status, found.out) == (3, "")
    assert len(found.err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["header", *(f"{k}_{name}" for k in (0, 1) for name in NAMES)])
@pytest.mark.parametrize("how", ["missing", "shape", "dtype", "short", "empty"])
def test_an_altered_array_is_refused(saved, tmp_path, name, how):
    arrays = members(saved)
    array = arrays.pop(name)
    if how == "shape":
        arrays[name] = array[None]
    elif how == "dtype":
        arrays[name] = array.real.astype(np.float32)
    elif how == "short":
        arrays[name] = array.ravel()[:-1]
    elif how == "empty":
        arrays[name] = array.ravel()[:0]
    path = written(tmp_path / "grids.npz", arrays)
    if how == "short" and name.endswith("_range"):
        # Any number of corners is a polygon.
        assert len(load_grids(path).grids) == 2
    else:
        refused(path)


def spoil(kind, arrays):
    """One number of an array that cannot be, or an array too many."""
    if kind == "nan axis":
        arrays["0_re"] = arrays["0_re"].copy()
        arrays["0_re"][2] = np.nan
    elif kind == "descending axis":
        arrays["0_im"] = arrays["0_im"][::-1].copy()
    elif kind == "equal points":
        arrays["0_re"] = np.zeros_like(arrays["0_re"])
    elif kind == "axis beyond range":
        arrays["0_re"] = arrays["0_re"] * 1e200
    elif kind == "nan origin":
        arrays["0_origin"] = np.array(np.nan)
    elif kind == "inf eigenvalue":
        arrays["1_eigenvalues"] = arrays["1_eigenvalues"] * np.inf + 1j
    elif kind == "nan corner":
        arrays["1_numerical_range"] = np.full(3, complex(np.nan, 0.0))
    elif kind == "negative norm":
        arrays["0_norms"] = -arrays["0_norms"]
    elif kind == "an array too many":
        arrays["2_norms"] = arrays["1_norms"]
    return arrays


KINDS = [
    "nan axis", "descending axis", "equal points", "axis beyond range", "nan origin",
    "inf eigenvalue", "nan corner", "negative norm", "an array too many",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value encountered in multiply")
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_cannot_be_are_refused(saved, tmp_path, kind):
    refused(written(tmp_path / "grids.npz", spoil(kind, members(saved))))


HEADERS = [
    ("format", "sinkdiag pseudospectrum 1"), ("format", 2), ("format", None), ("labelled", 1),
    ("labelled", "true"), ("labels", []), ("labels", {}), ("labels", [{"source": "a"}] * 2),
    ("labels", [{"source": "a", "index": 0}]), ("labels", [{"source": 1, "index": 0}] * 2),
    ("labels", [{"source": "a", "index": 0}] * 2), ("labels", [{"source": "a", "index": 0.0}] * 2),
]  # fmt: skip
SUMMARIES = [
    ("eps", -1.0), ("eps", "0.2"), ("eps", 0.0), ("eps", True), ("norm", "plane"), ("norm", None),
    ("norm", ["plan"]), ("iters", -1), ("iters", 1.5), ("order", "5"), ("order", 7), ("index", 1),
    ("index", -1), ("index", True), ("radii", None), ("radii", [1]), ("radii", [{}]),
    ("kreiss", []), ("kreiss", {"lower": 1.0}), ("powers", {"k": 1}), ("powers", [[]]),
    ("points", 19), ("points", 10**30), ("unconverged", -1), ("unresolved", 21),
    ("status", "fine"), ("status", 0), ("status", None), ("verdict", 1), ("verdict", None),
    ("source", None), ("structured", [{"index": 0}]), ("kappa_V", "big"), ("transient_peak", []),
]  # fmt: skip


def with_json(arrays, name, text):
    arrays[name] = np.frombuffer(text, dtype=np.uint8)
    return arrays


@pytest.mark.parametrize(("field", "value"), HEADERS)
def test_an_altered_header_is_refused(saved, tmp_path, field, value):
    arrays = members(saved)
    header = json.loads(arrays["header"].tobytes())
    text = json.dumps({**header, field: value}).encode()
    refused(written(tmp_path / "grids.npz", with_json(arrays, "header", text)))


@pytest.mark.parametrize(("field", "value"), SUMMARIES)
def test_an_altered_summary_is_refused(saved, tmp_path, field, value):
    arrays = members(saved)
    summary = json.loads(arrays["0_summary"].tobytes())
    assert field in summary
    text = json.dumps({**summary, field: value}).encode()
    refused(written(tmp_path / "grids.npz", with_json(arrays, "0_summary", text)))


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("radii", "level", 0.0), ("radii", "level", None), ("radii", "status", "odd"),
        ("radii", "point", [0.0]), ("radii", "point", [0.0, 0.0, 0.0]), ("powers", "k", 0.5),
        ("powers", "peak_lower_at", 1.0), ("structured", "index", None),
    ],
)  # fmt: skip
def test_an_altered_part_of_a_summary_is_refused(saved, tmp_path, part, field, value):
    arrays = members(saved)
    summary = json.loads(arrays["0_summary"].tobytes())
    summary[part][0][field] = value
    text = json.dumps(summary).encode()
    refused(written(tmp_path / "grids.npz", with_json(arrays, "0_summary", text)))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b"NaN", b"Infinity", b"[" * 100_000,
        b'{"eps": NaN}', b"{} {}", b"1e999", b'"' + b"a" * 50,
    ],
)  # fmt: skip
def test_broken_json_is_refused(saved, tmp_path, text):
    for name in ("header", "1_summary"):
        refused(written(tmp_path / "grids.npz", with_json(members(saved), name, text)))


def test_fields_too_many_and_too_few_are_refused(saved, tmp_path):
    summary = json.loads(members(saved)["0_summary"].tobytes())
    for changed in ({**summary, "more": 1}, {k: v for k, v in summary.items() if k != "order"}):
        arrays = with_json(members(saved), "0_summary", json.dumps(changed).encode())
        refused(written(tmp_path / "grids.npz", arrays))


def test_pickles_are_never_loaded(saved, tmp_path):
    arrays = members(saved)
    arrays["0_norms"] = np.array([[print]], dtype=object)
    refused(written(tmp_path / "grids.npz", arrays))


def test_cut_and_flipped_files_are_refused_or_whole(saved, tmp_path):
    """Cuts are always refused; a flipped bit may fall on a byte that means nothing."""
    path = tmp_path / "grids.npz"
    for length in np.linspace(0, len(saved) - 1, 25).astype(int):
        path.write_bytes(saved[:length])
        with pytest.raises(InputError):
            load_grids(str(path))
    rng = np.random.default_rng(0)
    kept = 0
    for place, bit in zip(rng.integers(0, len(saved), 300), rng.integers(0, 8, 300), strict=True):
        altered = bytearray(saved)
        altered[place] ^= 1 << int(bit)
        path.write_bytes(bytes(altered))
        with contextlib.suppress(InputError):
            kept += len(load_grids(str(path)).grids) == 2
    assert kept < 150


@pytest.mark.parametrize("kind", ["other", "text", "npy", "folder", "missing", "stored", "bomb"])
def test_other_files_are_refused(saved, tmp_path, kind, monkeypatch):
    path = tmp_path / "grids.npz"
    if kind == "other":
        np.savez(path, cost=np.eye(3))
    elif kind == "text":
        path.write_text("eps,re,im\n")
    elif kind == "npy":
        with path.open("wb") as stream:
            np.save(stream, np.eye(3))
    elif kind == "folder":
        path.mkdir()
    elif kind == "stored":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("header.npy", b"not an array")
    elif kind == "bomb":
        path.write_bytes(saved)
        monkeypatch.setattr("sinkdiag.rendering.saved_grids.MOST_BYTES", 100)
    refused(str(path))
