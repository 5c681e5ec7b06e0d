"""Numbers in text: .csv, .tsv, .txt, and marginals in two lines."""

from __future__ import annotations

import math

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError, first_words


def read_text(data: bytes, name: str, delimiter: str | None) -> FloatArray:
    """A matrix, one row a line; lines that begin with # are comments."""
    lines = _lines(data, name)
    if delimiter == "," and lines and ";" in lines[0]:
        raise InputError(
            name, "semicolons between the numbers", "put commas there, and points in the decimals"
        )
    return _parse(lines, delimiter, name, "write one row of the matrix a line")


def read_marginals(data: bytes, name: str) -> tuple[FloatArray, FloatArray]:
    """Row weights on one line and column weights on the next, with commas, tabs or blanks."""
    remedy = "give two lines, row weights then column weights, or an .npz with row and col"
    lines = _lines(data, name)
    if len(lines) != 2:
        raise InputError(name, f"{len(lines)} lines of marginals", remedy)
    row, col = (_parse([line], _delimiter(line), name, remedy)[0] for line in lines)
    return row, col


def _lines(data: bytes, name: str) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(name, "not a text file", "give numbers as UTF-8 text") from error
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _delimiter(line: str) -> str | None:
    return next((mark for mark in (",", "\t", ";") if mark in line), None)


def _parse(lines: list[str], delimiter: str | None, name: str, remedy: str) -> FloatArray:
    if not lines:
        raise InputError(name, "no numbers in the file", remedy)
    try:
        matrix = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise InputError(
            name,
            f"not a matrix of numbers ({first_words(error)})",
            "give numbers only, the same count in every row; start a header line with #",
        ) from error
    if np.isinf(matrix).any():
        _check_overflow(lines, delimiter, name)
    return matrix


def _check_overflow(lines: list[str], delimiter: str | None, name: str) -> None:
    """Refuse digits that read as infinity: a forbidden pair is written inf."""
    for line in lines:
        for word in line.split(delimiter):
            if math.isinf(float(word)) and "inf" not in word.lower():
                raise InputError(
                    name, f"{word.strip()} is beyond double precision", "write inf to forbid a pair"
                )
