"""The controller on the online tracking error."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling, online_gap_of_plan, solve
from sinkdiag.errors import InputError
from tests.helpers import uniform_cost

COST = uniform_cost(12, 12)
# Parts that hang together by less than rounding: no residual, and no gap to speak of.
APART = np.array([[1.0, 1e-40], [1e-40, 1.0]])
# A tenth of the mass has to cross a link of 1e-20: the residual does not fall.
STUCK, ROW, COL = np.array([[1.1, 1e-20], [1e-20, 1.0]]), [1.1, 1.0], [1.0, 1.1]


def layer(eps, iters=20):
    return solve(COST, eps, iters=iters).plan


def tracking(**arguments):
    return AdaptiveCooling(signal="tracking", **arguments)


def test_it_cools_up_to_the_threshold_and_holds_above():
    plan = layer(0.02)
    error = online_gap_of_plan(plan).tracking_error
    assert 0.001 < error < 0.1
    at, above = (tracking(k_safe=k, alpha0=0.5) for k in (error, math.nextafter(error, 0.0)))
    assert at.step(plan) == 0.5
    assert above.step(plan) == 1.0
    last = above.history.iloc[-1]
    assert last.tracking_error == error
    assert last.braking == 1.0
    assert math.isnan(last.drift)


def test_the_first_step_cools_too():
    assert tracking(alpha0=0.5).step(layer(1.0)) == 0.5
    assert AdaptiveCooling(alpha0=0.5).step(layer(1.0)) == 1.0


def test_the_zone_is_that_of_the_rule():
    plan = layer(0.02)
    error = online_gap_of_plan(plan).tracking_error
    controller = tracking(k_safe=error / 0.75, alpha0=0.5, beta=0.5)
    assert controller.step(plan) == pytest.approx(0.5**0.5)


def test_the_drift_is_recorded_beside_it():
    controller = tracking(alpha0=0.5)
    first, second = layer(1.0), layer(0.5)
    controller.step(first)
    controller.step(second)
    drift = np.linalg.norm(second - first)
    assert controller.history.drift[1] == pytest.approx(drift, rel=1e-14)
    assert controller.history.drift_ratio[1] == pytest.approx(drift / 0.5, rel=1e-14)


def test_without_the_signal_nothing_is_estimated():
    controller = AdaptiveCooling()
    controller.step(layer(0.02))
    assert math.isnan(controller.history.tracking_error[0])
    assert controller.matrix_tracking is None


def test_a_residual_at_rounding_level_counts_as_tracked():
    controller = tracking(alpha0=0.5)
    assert controller.step(APART) == 0.5
    assert math.isnan(controller.history.tracking_error[0])


def test_a_residual_that_does_not_fall_holds():
    controller = tracking(alpha0=0.5, k_safe=0.9)
    assert controller.step(STUCK, row=ROW, col=COL) == 1.0
    assert math.isnan(controller.history.tracking_error[0])
    assert tracking(k_safe=math.inf, alpha0=0.5).step(STUCK, row=ROW, col=COL) == 0.5


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_a_batch_is_judged_matrix_by_matrix(reduce):
    plans = np.stack([layer(0.02), layer(0.05), layer(0.3)])
    controller = tracking(reduce=reduce)
    controller.step(plans)
    each = [online_gap_of_plan(plan).tracking_error for plan in plans]
    np.testing.assert_array_equal(controller.matrix_tracking, each)
    wanted = max(each) if reduce == "max" else np.mean(each)
    assert controller.history.tracking_error[0] == pytest.approx(wanted, rel=1e-15)


def test_masses_and_units_do_not_matter():
    plan = layer(0.02)
    one, other = tracking(k_safe=0.01, alpha0=0.5), tracking(k_safe=0.01, alpha0=0.5)
    one.step(plan)
    other.step(plan / 12, row=np.full(12, 1 / 12), col=np.full(12, 1 / 12))
    assert one.history.tracking_error[0] == pytest.approx(other.history.tracking_error[0], rel=1e-9)
    with pytest.raises(InputError, match="its mass is 1 and that of its marginals 12"):
        other.step(plan / 12)


def test_state_goes_to_another_controller_in_mid_run():
    whole, part = (tracking(k_safe=0.002, alpha0=0.7) for _ in range(2))
    plans = [layer(eps) for eps in (1.0, 0.3, 0.1, 0.05, 0.03, 0.02)]
    for plan in plans[:3]:
        whole.step(plan)
        part.step(plan)
    state = part.state_dict()
    resumed = AdaptiveCooling()
    resumed.load_state_dict(json.loads(json.dumps(state)))
    assert repr(resumed) == repr(part)
    for plan in plans[3:]:
        assert whole.step(plan) == resumed.step(plan)
    assert whole.history.equals(resumed.history)


def test_a_carried_layer_arrives_and_never_leaves_the_threshold_far_behind():
    """On a static cost, potentials carried: it waits where the layer is behind, and gets there."""
    controller = tracking(k_safe=0.02, alpha0=0.5, eps_start=1.0, eps_min=0.01)
    g, errors = None, []
    for _ in range(200):
        eps = controller.eps
        solution = solve(COST, eps, iters=5, init=g)
        g = solution.g
        truth = solve(COST, eps).plan
        errors.append(float(np.abs(solution.plan - truth).sum()) / 24)
        controller.step(solution.plan)
        if eps == 0.01 and errors[-1] < 0.02:
            break
    else:
        raise AssertionError("never arrives")
    held = controller.history.braking == 1.0
    assert held.any()
    # Where it cooled it was right to: the estimate is no bound, but here never below the truth.
    assert all(error <= 0.02 for error, hold in zip(errors, held) if not hold)
