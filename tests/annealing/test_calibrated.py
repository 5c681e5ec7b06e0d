import csv
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling, InputError
from sinkdiag.annealing.readings import plain_plans
from tests.helpers import invoke, planar_cost

ROW = {"k_safe": 0.3, "alpha0": 0.8, "beta": 0.5, "eps_start": 2.0, "eps_min": 0.02}


def document(*rows):
    return json.dumps({"command": "calibrate", "rows": list(rows)})


@pytest.mark.parametrize("row", [ROW, {k: str(v) for k, v in ROW.items()}, SimpleNamespace(**ROW)])
def test_a_row_makes_its_controller(row):
    wanted = AdaptiveCooling(0.3, 0.8, beta=0.5, eps_start=2.0, eps_min=0.02)
    assert repr(AdaptiveCooling.from_row(row)) == repr(wanted)


def test_json_as_text_or_file(tmp_path):
    path = tmp_path / "found.json"
    path.write_text(document(ROW))
    for given in (document(ROW), path, str(path)):
        assert repr(AdaptiveCooling.from_json(given)) == repr(AdaptiveCooling.from_row(ROW))
    two = document(ROW, {**ROW, "k_safe": 0.7})
    assert AdaptiveCooling.from_json(two, index=1).rule.k_safe == 0.7


def test_what_calibrate_writes_is_read(tmp_path):
    np.save(tmp_path / "cost.npy", planar_cost(8))
    command = ["calibrate", tmp_path / "cost.npy", "--quick", "--max-steps", 100, "--alpha0", 0.6]
    done = invoke(*command, "-o", tmp_path / "found.json")
    assert done.status == 0, done.err
    line = invoke(*command, "--format", "csv")
    (row,) = csv.DictReader(line.out.splitlines())
    controller = AdaptiveCooling.from_json(tmp_path / "found.json")
    assert repr(controller) == repr(AdaptiveCooling.from_row(row))
    assert controller.rule.k_safe == float(row["k_safe"])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (document({**ROW, "k_safe": None}), "found no slope"),
        (document({**ROW, "alpha0": "x"}), "alpha0 is missing or no number"),
        (document({"k_safe": 1.0}), "alpha0 is missing"),
        (document(ROW, ROW), "2 rows; say which with index"),
        (document(), "no result of calibrate"),
        ('{"command": "spectrum", "rows": [1]}', "no result of calibrate"),
        ("{", "no JSON"),
        ("nowhere.json", "nowhere.json: cannot be read"),
    ],
)
def test_what_is_no_calibration(given, fault):
    with pytest.raises(InputError, match=fault):
        AdaptiveCooling.from_json(given)


def test_no_such_row_and_no_slope():
    with pytest.raises(InputError, match="there is no row 1"):
        AdaptiveCooling.from_json(document(ROW), index=1)
    with pytest.raises(InputError, match="found no slope"):
        AdaptiveCooling.from_row({**ROW, "k_safe": math.nan})


def test_the_state_is_numbers_strings_lists_and_dictionaries():
    controller = AdaptiveCooling()
    for eps in (1.0, 0.5):
        controller.step(np.full((2, 2), eps))
    state = json.loads(json.dumps(controller.state_dict()))
    assert state["previous"] == [[0.5, 0.5], [0.5, 0.5]]
    again = AdaptiveCooling()
    again.load_state_dict(state)
    assert again.history.equals(controller.history)


def test_a_reading_from_elsewhere():
    here, there = AdaptiveCooling(0.5, 0.5), AdaptiveCooling(0.5, 0.5)
    for at, plan in enumerate((np.zeros((1, 1)), np.full((1, 1), 0.4))):
        assert here.step(plan) == there.take(0.4 if at else math.nan)
    with pytest.raises(ValueError, match="not finite"):
        there.take(math.nan)
    late = AdaptiveCooling(0.5, 0.5)
    late.take(math.nan)
    assert late.take(0.4, eps=0.5) == 1.0  # 0.4/0.5 is above the slope, 0.4/1 would not be


def test_plans_are_copied():
    plan = np.ones((2, 2))
    copy = plain_plans(plan)
    plan[:] = 0.0
    assert copy.sum() == 4.0
