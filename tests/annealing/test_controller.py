import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag import AdaptiveCooling
from sinkdiag.annealing.rule import CoolingRule


def plans(count, seed=0, shape=(4, 4)):
    random = np.random.default_rng(seed)
    return [random.random(shape) for _ in range(count)]


def test_two_state_rule_cools_at_the_threshold_and_holds_above():
    rule = CoolingRule(k_safe=2.0, alpha0=0.5)
    assert rule.braking(2.0) == 0.0
    assert rule.braking(math.nextafter(2.0, 3.0)) == 1.0
    assert rule.cool(1.0, 2.0, 0.01) == 0.5
    assert rule.cool(1.0, 2.1, 0.01) == 1.0
    assert rule.braking(math.nan) == 1.0


def test_hybrid_zone_is_the_formula():
    rule = CoolingRule(k_safe=2.0, alpha0=0.5, beta=0.5)
    assert rule.braking(1.0) == 0.0
    assert rule.braking(1.5) == pytest.approx(0.5)
    assert rule.braking(2.0) == 1.0
    assert rule.cool(1.0, 1.5, 1e-3) == pytest.approx(0.5**0.5)


def test_without_bound_it_is_the_exponential_schedule():
    rule = CoolingRule(k_safe=math.inf, alpha0=0.5)
    assert rule.cool(1.0, math.nan, 0.1) == 0.5
    assert rule.cool(1.0, 1e300, 0.1) == 0.5
    assert rule.cool(0.15, 0.0, 0.1) == 0.1


@pytest.mark.parametrize(
    "arguments",
    [
        {"k_safe": 0.0},
        {"k_safe": math.nan},
        {"alpha0": 1.0},
        {"alpha0": 0.0},
        {"beta": 1.5},
        {"eps_min": 2.0},
        {"eps_min": 0.0},
        {"eps_start": math.inf},
        {"reduce": "sum"},
        {"signal": "entropy"},
        {"k_safe": -0.1, "signal": "tracking"},
    ],
)
def test_parameters_out_of_range(arguments):
    with pytest.raises(sinkdiag.InputError, match=r"out of range|not known"):
        AdaptiveCooling(**arguments)


def test_drift_is_the_frobenius_norm_over_eps():
    first, second = plans(2)
    controller = AdaptiveCooling(k_safe=1e9, alpha0=0.5, eps_start=2.0, eps_min=0.1)
    assert controller.step(first) == 2.0
    assert controller.step(second) == 1.0
    last = controller.history.iloc[-1]
    assert last.drift == pytest.approx(np.linalg.norm(second - first), rel=1e-15)
    assert last.drift_ratio == pytest.approx(last.drift / 2.0, rel=1e-15)
    assert math.isnan(controller.history.drift[0])


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_a_batch_is_measured_matrix_by_matrix(reduce):
    first, second = plans(2, shape=(5, 3, 4))
    controller = AdaptiveCooling(reduce=reduce)
    controller.step(first)
    controller.step(second)
    each = np.linalg.norm((second - first).reshape(5, -1), axis=1)
    np.testing.assert_allclose(controller.matrix_drift, each, rtol=1e-14)
    wanted = each.max() if reduce == "max" else each.mean()
    assert controller.history.drift[1] == pytest.approx(wanted, rel=1e-14)


def test_batch_size_does_not_change_the_decision():
    first, second = plans(2)
    one, many = AdaptiveCooling(k_safe=1.0), AdaptiveCooling(k_safe=1.0)
    for plan in (first, second):
        one.step(plan)
        many.step(np.stack([plan] * 64))
    assert one.eps == many.eps


def test_state_goes_to_another_controller_in_mid_run():
    sequence = plans(8)
    whole = AdaptiveCooling(k_safe=1.3, alpha0=0.7, beta=0.2)
    part = AdaptiveCooling(k_safe=1.3, alpha0=0.7, beta=0.2)
    for plan in sequence[:4]:
        whole.step(plan)
        part.step(plan)
    resumed = AdaptiveCooling()
    resumed.load_state_dict(part.state_dict())
    for plan in sequence[4:]:
        assert whole.step(plan) == resumed.step(plan)
    assert whole.history.equals(resumed.history)


def test_an_incomplete_state_changes_nothing():
    controller = AdaptiveCooling()
    before = repr(controller)
    with pytest.raises(ValueError, match="lacks alpha0, beta, eps"):
        controller.load_state_dict({"k_safe": 1.0})
    assert repr(controller) == before


def test_plans_that_cannot_be_used():
    controller = AdaptiveCooling()
    with pytest.raises(ValueError, match=r"\(n, m\) or \(B, n, m\)"):
        controller.step(np.ones(3))
    with pytest.raises(ValueError, match="not finite"):
        controller.step(np.array([[np.nan, 1.0]]))
    controller.step(np.ones((2, 2)))
    with pytest.raises(ValueError, match="shape went from"):
        controller.step(np.ones((3, 3)))


def test_the_plan_is_copied():
    plan = np.ones((2, 2))
    controller = AdaptiveCooling(k_safe=1.0)
    controller.step(plan)
    plan[:] = 0.0
    controller.step(plan)
    assert controller.history.drift[1] == 2.0


@pytest.mark.parametrize(
    "controller",
    [
        AdaptiveCooling(k_safe=1 / 3, alpha0=0.003 ** (1 / 7), eps_start=2 / 3, eps_min=0.1 / 7),
        AdaptiveCooling(k_safe=math.inf, beta=0.1 + 0.2, reduce="mean"),
        AdaptiveCooling(k_safe=0.1 / 3, signal="tracking"),
        AdaptiveCooling(signal="tracking", reduce="mean"),
    ],
)
def test_repr_can_be_pasted_and_loses_no_digit(controller):
    again = eval(repr(controller), {"AdaptiveCooling": sinkdiag.AdaptiveCooling})
    assert again.state_dict() == controller.state_dict()


def count_steps(rule, eps, eps_min):
    """Steps without drift, by hand."""
    for count in range(10_000):
        if eps <= eps_min:
            return count
        eps = rule.cool(eps, 0.0, eps_min)
    raise AssertionError("never arrives")


@pytest.mark.parametrize("steps", [1, 2, 3, 22, 100, 163, 400, 700])
@pytest.mark.parametrize("start", [1.0, 1.29839563722591, 7.7777777777])
def test_a_schedule_rounded_in_its_sixth_digit_takes_as_many_steps(steps, start):
    end = 0.003 * start
    alpha = (end / start) ** (1 / steps)
    assert count_steps(CoolingRule(k_safe=1.0, alpha0=alpha), start, end) == steps
    start, end, alpha = (float(f"{value:.6g}") for value in (start, end, alpha))
    rounded = CoolingRule(k_safe=1.0, alpha0=alpha)
    assert count_steps(rounded, start, end) == steps
    assert rounded.plain_steps(start, end) == steps


def test_more_than_a_sliver_is_a_step_of_its_own():
    rule = CoolingRule(k_safe=1.0, alpha0=0.5)
    assert rule.cool(0.1 * 0.5**-1.04, 0.0, 0.1) == 0.1
    assert rule.cool(0.1 * 0.5**-1.06, 0.0, 0.1) == pytest.approx(0.1 * 0.5**-0.06)


@pytest.mark.parametrize("alpha", [0.001, 0.3, 0.77, 0.95, 0.9931])
@pytest.mark.parametrize("end", [0.5, 0.0123, 0.003])
def test_plain_steps_are_counted_as_they_are_taken(alpha, end):
    rule = CoolingRule(k_safe=1.0, alpha0=alpha)
    assert rule.plain_steps(1.0, end) == count_steps(rule, 1.0, end)


def test_done_once_eps_min_is_reached():
    controller = AdaptiveCooling(k_safe=1e9, alpha0=0.1, eps_start=1.0, eps_min=0.05)
    for plan in plans(3):
        assert not controller.done
        controller.step(plan)
    assert controller.done
    assert controller.eps == 0.05
