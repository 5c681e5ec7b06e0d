"""Tables: the same numbers in every format, and columns that fit a terminal."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest

from sinkdiag.columns import column, column_names, columns_of, labelled, reference
from sinkdiag.rendering.table import Label, Table, json_value
from sinkdiag.results import Status


@dataclass(frozen=True, kw_only=True)
class Row:
    eps: float = column("temperature", "cost")
    note: str = column("words")
    status: Status = column("how it ended")
    more: float = column("on request", "mass", extended=True)


ROWS = [
    Row(eps=0.1, note="a, b", status=Status.CONVERGED, more=1.0 / 3.0),
    Row(eps=math.inf, note="[red]", status=Status.STALLED, more=math.nan),
]


def table(**options):
    return Table.of("test", Row, ROWS, **options)


def test_columns_carry_their_meaning():
    assert column_names(Row) == ("eps", "note", "status")
    assert column_names(Row, extended=True)[-1] == "more"
    assert [entry.type for entry in columns_of(Row)] == ["float", "str", "Status", "float"]
    assert labelled(Row, "eps") == "eps (cost)"
    assert "| `more` * | on request | mass |" in reference(Row)


def test_csv_has_full_precision_and_words():
    text = table(extended=True).render("csv")
    assert text.splitlines()[0] == "eps,note,status,more"
    assert text.splitlines()[1] == f'0.1,"a, b",converged,{1.0 / 3.0!r}'
    assert text.splitlines()[2] == "inf,[red],stalled,nan"


def test_json_has_no_nan_and_no_infinity():
    document = json.loads(table(extended=True, summary={"a": math.inf}).render("json"))
    assert document["rows"][1] == {"eps": "inf", "note": "[red]", "status": "stalled", "more": None}
    assert document["summary"] == {"a": "inf"}
    assert json_value((1.0, math.nan)) == [1.0, None]


def test_labels_come_first():
    labels = [Label(source="x", index=0), Label(source="x", index=1)]
    assert table(labels=labels).render("csv").startswith("source,index,eps,note,status\nx,0,")


def test_a_terminal_shows_what_fits_and_names_the_rest():
    wide = table(extended=True).render("table", 200)
    assert "not shown" not in wide
    assert "[red]" in wide
    narrow = table(extended=True).render("table", 24)
    assert max(len(line) for line in narrow.splitlines()) <= 24
    assert "status" in narrow.split("not shown")[0]
    assert "more" in narrow.replace("\n", " ").split("not shown")[1]


def test_one_row_is_a_list_of_quantities():
    text = Table.of("test", Row, ROWS[:1]).render("table", 60)
    assert [line.split()[0] for line in text.splitlines() if line.strip()] == [
        "eps",
        "note",
        "status",
    ]


def test_a_frame_has_the_same_columns():
    frame = table(extended=True).frame()
    assert list(frame.columns) == list(column_names(Row, extended=True))
    assert list(frame.status) == ["converged", "stalled"]
    assert frame.more[0] == pytest.approx(1.0 / 3.0, rel=0)
