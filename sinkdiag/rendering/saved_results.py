"""Results and manifests back from the files that sinkdiag wrote, as named values; nothing trusted.

A result is CSV, JSON or JSON lines; a manifest is JSON; a report is a page or JSON, and holds a
result for each section. All become rows of values by name: the rows of a result under their
numbers, its summary under ``summary``, a manifest under ``manifest``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from sinkdiag.errors import InputError
from sinkdiag.load.source import bytes_of, walled
from sinkdiag.rendering.manifest import Manifest
from sinkdiag.rendering.page.embedded import extract

_REMEDY = "give what -o or --manifest wrote: .csv, .json, .jsonl or .html"
_MANIFEST = {entry.name for entry in fields(Manifest)}


@dataclass(frozen=True, kw_only=True)
class SavedResult:
    """One file: values by the name of their row and the name of their column, in order.

    Numbers are floats (nan and inf included), anything else is text. ``kind`` says what the file
    is; ``count`` how many rows of a result it holds; ``parts`` are what a report holds beside its
    answers: its sections by their commands, and its manifest.
    """

    name: str
    kind: str
    count: int
    values: Mapping[tuple[str, str], float | str]
    parts: Mapping[str, SavedResult] = field(default_factory=dict)


def load_result(path: str) -> SavedResult:
    """Read a result, a manifest, or a report.

    Raises
    ------
    InputError
        When the file cannot be read, or is none of them.
    """
    data = bytes_of(path, "result")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(path, "not a text file", _REMEDY) from error
    start = text.lstrip()[:1]
    if start == "<":
        return _page(text, path)
    if start == "{" and path.lower().endswith(".jsonl"):
        return _lines(text, path)
    if start == "{" or path.lower().endswith(".json"):
        return _document(text, path)
    return _csv(text, path)


def _document(text: str, path: str) -> SavedResult:
    document = walled(path, "JSON file", _REMEDY, lambda: json.loads(text))
    if _is_manifest(document):
        return _manifest(document, path)
    found = _result(document, path, ("summary", "sinkdiag_version", "command"))
    if not isinstance(document.get("command"), str):
        raise InputError(path, "does not say which command it is a result of", _REMEDY)
    sections = document.get("sections")
    if not isinstance(sections, list):
        return found
    parts = {str(part.get("command")): _result(part, path, ("summary",)) for part in sections
             if isinstance(part, dict)}  # fmt: skip
    if _is_manifest(document.get("manifest")):
        parts["manifest"] = _manifest(document["manifest"], path)
    return replace(found, kind="report", parts=MappingProxyType(parts))


def _page(text: str, path: str) -> SavedResult:
    data = extract(text)
    if data is None:
        raise InputError(path, "a page that holds no data of sinkdiag", _REMEDY)
    return _document(data, path)


def _is_manifest(document: Any) -> bool:
    known = isinstance(document, dict) and set(document) >= _MANIFEST
    return known and isinstance(document["arguments"], list)


def _manifest(document: dict[str, Any], path: str) -> SavedResult:
    named = {**document, "arguments": " ".join(map(str, document["arguments"]))}
    return _saved(path, "manifest", 0, dict(_flat("manifest", "", named)))


def _result(document: Any, path: str, besides: Iterable[str]) -> SavedResult:
    """The rows of a document, and what else of it is named."""
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(path, "holds neither rows nor a manifest", _REMEDY)
    values = dict(entry for k, row in enumerate(rows) for entry in _flat(str(k), "", row))
    for name in besides:
        values |= dict(_flat("summary", "" if name == "summary" else name, document.get(name)))
    return _saved(path, "result", len(rows), values)


def _lines(text: str, path: str) -> SavedResult:
    found = text.splitlines()
    rows = walled(path, "file of JSON lines", _REMEDY, lambda: [json.loads(line) for line in found])
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(path, "holds lines that are no rows", _REMEDY)
    values = dict(entry for k, row in enumerate(rows) for entry in _flat(str(k), "", row))
    return _saved(path, "result", len(rows), values)


def _csv(text: str, path: str) -> SavedResult:
    lines = walled(path, "CSV file", _REMEDY, lambda: list(csv.reader(io.StringIO(text))))
    whole = bool(lines) and all(len(line) == len(lines[0]) for line in lines)
    if not whole or not lines[0] or not lines[0][0].isidentifier():
        raise InputError(path, "not a table with a line of names", _REMEDY)
    names, *records = lines
    values = {
        (str(k), name): _cell(cell)
        for k, record in enumerate(records)
        for name, cell in zip(names, record, strict=True)
    }
    return _saved(path, "result", len(records), values)


def _saved(path: str, kind: str, count: int, values: dict[tuple[str, str], Any]) -> SavedResult:
    return SavedResult(name=path, kind=kind, count=count, values=MappingProxyType(values))


def _flat(row: str, name: str, value: Any) -> Iterator[tuple[tuple[str, str], float | str]]:
    """Every number and word of a document, under the path that leads to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(row, f"{name}.{key}" if name else str(key), item)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _flat(row, f"{name}[{place}]", item)
    elif name:
        yield (row, name), _value(value)


def _value(value: Any) -> float | str:
    """A value of JSON: null is nan, booleans are words, "inf" and "-inf" are numbers."""
    if value is None:
        return float("nan")
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return float(value)
    return float(value) if value in ("inf", "-inf") else str(value)


def _cell(cell: str) -> float | str:
    with contextlib.suppress(ValueError):
        # Underscores are digits to Python, and a name to everybody else.
        return float(cell) if "_" not in cell else cell
    return cell
