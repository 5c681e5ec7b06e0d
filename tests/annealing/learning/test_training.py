"""`calibrate_training` on trainings whose outcome is known."""

import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError


def training(controller, seed, *, budget=200, bears=0.0, hurry=2.0, floor=0.0):
    """Plans that settle as exp(-t/20); wrong in the end if it arrived sooner than 40 steps.

    The drift of step t is proportional to exp(-t/20), of ``floor`` at least; below
    eps = ``bears`` everything is lost.
    """
    random = np.random.default_rng(seed)
    for step in range(budget):
        share = 0.5 * math.exp(-step / 20) * (1 + 0.01 * random.random())
        share = share / 2 + floor * (step % 2)
        controller.step(np.array([[1 - share, share], [share, 1 - share]]))
    arrival = controller.arrival
    if arrival is not None and (arrival < hurry * 20 or controller.eps < bears):
        return 0.5
    return 0.0 if seed >= 0 else 1.0


def test_a_slope_is_found_and_confirmed():
    found = sinkdiag.calibrate_training(training, eps_start=1.0, eps_min=0.01, alpha0=0.8)
    chosen = found.chosen
    assert chosen.passed
    assert chosen.confirmed == 1.0
    assert found.findings[0].startswith("window: ")
    assert found.fates[-1].slope == math.inf
    assert not found.fates[-1].safe
    controller = found.controller
    assert controller.rule.k_safe == found.k_safe == chosen.slope
    assert training(controller, 12345) == 0.0
    hurried = sinkdiag.AdaptiveCooling(30 * chosen.high, 0.8, eps_start=1.0, eps_min=0.01)
    assert training(hurried, 0) == 0.5


def test_a_training_that_never_fails_needs_no_controller():
    found = sinkdiag.calibrate_training(
        lambda c, s: training(c, s, hurry=0.0), eps_start=1.0, eps_min=0.01, alpha0=0.8
    )
    assert found.findings[0].startswith("no collapse provoked")
    assert found.chosen is not None


def test_where_no_slope_arrives_the_one_that_stands_is_told():
    found = sinkdiag.calibrate_training(
        lambda c, s: training(c, s, bears=0.05, floor=0.01), eps_start=1.0, eps_min=0.01, alpha0=0.8
    )
    assert found.chosen.held
    assert "do not cool below it" in found.findings[0]


def test_where_nothing_helps_it_is_empty():
    def lost(controller, seed):
        training(controller, seed)
        return 1.0

    found = sinkdiag.calibrate_training(lost, eps_start=1.0, eps_min=0.01, replicates=2)
    assert found.chosen is None
    assert found.controller is None
    assert math.isnan(found.k_safe)
    assert found.findings[0].startswith("empty: ")


def test_slopes_that_fail_on_fresh_seeds_are_not_given():
    def lucky(controller, seed):
        wrong = training(controller, seed)
        return 1.0 if seed >= 1_000_000 else wrong

    found = sinkdiag.calibrate_training(lucky, eps_start=1.0, eps_min=0.01, alpha0=0.8)
    assert found.chosen is None
    assert found.controller is None
    assert (found.rejected.confirmed, found.rejected.passed) == (0.0, False)
    assert found.findings[0].startswith("empty: slopes that did well on the first seeds")


def test_every_run_has_a_seed_of_its_own_and_failed_slopes_meet_no_more():
    seen = []

    def run(controller, seed):
        seen.append((controller.rule.k_safe, seed))
        return training(controller, seed)

    sinkdiag.calibrate_training(run, eps_start=1.0, eps_min=0.01, alpha0=0.8, seed=3)
    assert len(seen) == len(set(seen))
    plain = [seed for slope, seed in seen if math.isinf(slope)]
    assert plain == [3, 4]
    assert {seed for _, seed in seen} == {3, 4, 5, 6, 7, *range(1_000_003, 1_000_008)}


@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.5])
def test_a_training_must_return_a_share(wrong):
    with pytest.raises(InputError, match="return a share"):
        sinkdiag.calibrate_training(lambda _c, _s: wrong, eps_start=1.0, eps_min=0.1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"eps_min": 2.0},
        {"eps_min": -1.0},
        {"slopes": [1.0, 2.0]},
        {"slopes": [1.0, 2.0, math.inf]},
        {"replicates": 0},
        {"fresh": 0},
        {"collapse_tv": 1.0},
        {"seed": -1},
    ],
)
def test_arguments_are_checked(arguments):
    given = {"eps_start": 1.0, "eps_min": 0.01, **arguments}
    with pytest.raises(InputError):
        sinkdiag.calibrate_training(training, **given)
