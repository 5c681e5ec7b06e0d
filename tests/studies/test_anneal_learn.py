"""Schedules with learning in the loop: fates, the same start, a truth, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError
from tests.helpers import uniform_cost
from tests.studies.test_anneal import rows_of

LEARNED = uniform_cost(12, 12)


def test_learning_ends_as_the_calibration_s_fates_say():
    found = sinkdiag.anneal(
        LEARNED,
        [1.0, 0.01],
        schedules=["exponential:alpha0=0.5", "eph-asc:k_safe=0.1,alpha0=0.8", "tracking"],
        learn=True,
        max_steps=400,
        tv=False,
    )
    fates = {row.schedule: row for row in found.comparison}
    hard = fates["exponential:alpha0=0.5"]
    assert hard.fate == "locked"
    assert hard.wrong_mass > 0.1
    assert fates["eph-asc:k_safe=0.1,alpha0=0.8"].fate == "safe"
    assert fates["eph-asc:k_safe=0.1,alpha0=0.8"].wrong_mass <= 0.1
    rows = rows_of(found, "exponential:alpha0=0.5")
    # Seven halvings reach 0.01; learning then goes on for 50 steps.
    assert len(rows) == 7 + 50
    assert rows[-1].collapsed
    assert not rows[0].collapsed
    assert all(0 <= row.wrong_mass <= 1 for row in found.rows)
    assert found.rows[-1].right_rows <= 1
    assert "wrong mass" in found.findings[-1]


def test_learning_starts_from_the_same_costs_and_is_reproducible():
    arguments = {"learn": True, "max_steps": 60, "tv": True}
    one = sinkdiag.anneal(LEARNED, 0.05, schedules=["exponential", "power"], **arguments)
    two = sinkdiag.anneal(LEARNED, 0.05, schedules=["power"], **arguments)
    # As text, since nan is not equal to itself.
    assert repr(one.table.records[-len(two.rows) :]) == repr(two.table.records)
    first = [rows_of(one, name)[0] for name in ("exponential", "power")]
    assert first[0].entropy == first[1].entropy
    other = sinkdiag.anneal(LEARNED, 0.05, schedules=["power"], seed=1, **arguments)
    assert other.rows[0].entropy != two.rows[0].entropy


def test_by_default_rules_for_a_layer_learn():
    found = sinkdiag.anneal(LEARNED, learn=True, max_steps=10, tv=False)
    assert [row.schedule for row in found.comparison] == ["exponential", "eph-asc", "tracking"]


def test_a_truth_is_learned_instead_of_the_optimum():
    truth = np.roll(np.arange(12), 1)
    found = sinkdiag.anneal(
        LEARNED, [1.0, 0.05], schedules=["eph-asc:k_safe=0.1"], learn=True, truth=truth, noise=0.0
    )
    assert found.comparison[0].fate == "safe"
    assert found.rows[-1].right_rows == 1.0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"schedules": ["annealed"]}, "annealed"),
        ({"schedules": ["gumbel"]}, "gumbel"),
        ({"schedules": ["power"], "truth": [0, 1]}, "truth"),
        ({"schedules": ["power"], "loss": "best"}, "loss"),
        ({"schedules": ["power"], "noise": -1.0}, "noise"),
        ({"schedules": ["power"], "learning_rate": 0.0}, "learning_rate"),
    ],
)
def test_what_cannot_learn_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        sinkdiag.anneal(LEARNED, learn=True, **arguments)


def test_a_truth_without_learning_and_a_trajectory_with_it_are_refused():
    with pytest.raises(InputError, match="nothing is learned"):
        sinkdiag.anneal(LEARNED, truth=np.arange(12))
    with pytest.raises(InputError, match="trajectory"):
        sinkdiag.anneal(
            np.stack([LEARNED] * 3), layout="trajectory", schedules=["power"], learn=True
        )


def test_the_figure_is_of_a_learner():
    learned, given = (
        sinkdiag.anneal(LEARNED, learn=learn, schedules=["exponential"], max_steps=30, tv=False)
        for learn in (True, False)
    )
    for result, label, what in ((learned, "step + 1", "gradient step"), (given, "sweeps", "sweep")):
        figure = result.figure()
        assert figure.axes[0].get_xlabel() == label
        assert f"one {what} a step" in figure.get_suptitle()
