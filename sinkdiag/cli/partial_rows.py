"""Rows of an unfinished run: kept beside ``-o`` unit by unit, so that ``--resume`` can go on.

The file is JSON lines: first what the run is of, then for each finished unit its number, the
SHA-256 of what it was made from, its records, and whether a row of it failed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinkdiag.studies.subjects import Case

SUFFIX = ".partial.jsonl"

Record = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class UnitRows:
    """The records of one unit, and whether a row of it did not converge or was not resolved."""

    records: tuple[Record, ...]
    failed: bool


class PartialRows:
    """The rows of one run, as far as it has come.

    Attributes
    ----------
    units:
        Rows by the number of their unit, of this run and of the one that it goes on from; empty
        where nothing is kept.
    resumed:
        The units of that earlier run.
    """

    def __init__(self, path: Path | None, header: Mapping[str, Any]) -> None:
        """``path``: the file, None for none; ``header``: what the run is of."""
        self.path, self.header = path, header
        self.units: dict[int, UnitRows] = {}
        self.resumed: set[int] = set()
        self._left: dict[int, tuple[str, UnitRows]] = {}
        self._stream: IO[str] | None = None

    def read(self) -> None:
        """Look at what an earlier run has left, if it has.

        Raises
        ------
        InputError
            When that was a run of other settings, or cannot be read.
        """
        from sinkdiag.errors import InputError

        if self.path is None or not self.path.exists():
            return
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(str(self.path), "cannot be read", "remove it") from error
        if not lines or _decoded(lines[0]) != json.loads(json.dumps(self.header)):
            raise InputError(
                str(self.path),
                "the rows of another run (options, version or columns differ), or damaged",
                "repeat that run's options, or drop --resume to begin anew",
            )
        for line in lines[1:]:
            self._look_at(_decoded(line))

    def _look_at(self, entry: Any) -> None:
        """One line; a last one that was cut off is as good as none."""
        if not isinstance(entry, dict) or set(entry) != {"unit", "sha256", "failed", "records"}:
            return
        width, records = len(self.header["columns"]), entry["records"]
        if isinstance(records, list) and all(
            isinstance(record, list) and len(record) == width for record in records
        ):
            rows = UnitRows(records=tuple(map(tuple, records)), failed=bool(entry["failed"]))
            self._left[entry["unit"]] = (entry["sha256"], rows)

    def take_over(self, number: int, case: Case) -> bool:
        """Take the rows of this very unit from an earlier run, if it has left them."""
        found = self._left.get(number)
        if found is None or found[0] != fingerprint(case):
            return False
        self.units[number] = found[1]
        self.resumed.add(number)
        return True

    def add(self, number: int, case: Case, rows: UnitRows) -> None:
        """Keep the rows of a unit; the system has them when this returns.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        from sinkdiag.errors import InputError

        if self.path is None:
            return
        self.units[number] = rows
        entry = {
            "unit": number,
            "sha256": fingerprint(case),
            "failed": rows.failed,
            "records": rows.records,
        }
        try:
            if self._stream is None:
                self._stream = self._opened(self.path)
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                self.close()
            self._stream = None
            fault = f"cannot be written ({error.strerror})"
            raise InputError(str(self.path), fault, "make room, or give another -o") from error

    def _opened(self, path: Path) -> IO[str]:
        """The file, begun anew unless there are rows in it to go on from."""
        if self._left:
            whole = path.read_bytes().endswith(b"\n")
            stream = path.open("a", encoding="utf-8")
            stream.write("" if whole else "\n")
            return stream
        path.unlink(missing_ok=True)  # a link of that name is not written through
        stream = path.open("x", encoding="utf-8")
        stream.write(json.dumps(self.header) + "\n")
        return stream

    def remove(self) -> None:
        """The run is complete, and its rows are where they belong."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing more is added."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None


def fingerprint(case: Case) -> str:
    """SHA-256 of what a unit is made from: costs, marginals, names, and what was recorded."""
    digest = hashlib.sha256(repr((case.label, case.name, case.whole)).encode("utf-8", "replace"))
    for problem in case.problems:
        digest.update(repr(problem.cost.shape).encode())
        for values in (problem.cost, problem.row, problem.col):
            digest.update(values.tobytes())
    for recorded in (case.record.eps, case.record.step, case.record.truth):
        digest.update(b"-" if recorded is None else repr(recorded.shape).encode())
        digest.update(b"" if recorded is None else recorded.tobytes())
    return digest.hexdigest()


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
