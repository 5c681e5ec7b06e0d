import itertools
import math

import numpy as np
import pytest

from tests.helpers import uniform_cost

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import Watch, signals, sinkhorn  # noqa: E402

COST = torch.from_numpy(uniform_cost(5, 5))


def softmax_layer(cost, eps):
    return torch.softmax(-cost / eps, dim=-1)


def test_a_function_is_wrapped_by_one_line():
    watch = Watch(every=1)
    layer = watch.wrap(sinkhorn)
    first, second = layer(COST, 0.2), layer(COST, eps=0.1)
    steps = watch.steps
    assert [step.step for step in steps] == [0, 1]
    assert [step.eps for step in steps] == pytest.approx([0.2, 0.1])
    assert math.isnan(steps[0].drift)
    drift = float(torch.dist(first, second))
    assert steps[1].drift == pytest.approx(drift, rel=1e-6)
    assert steps[1].drift_ratio == pytest.approx(drift / 0.1, rel=1e-6)
    assert steps[1].entropy == pytest.approx(float(signals.entropy(second)), rel=1e-6)
    assert steps[1].logit_range == pytest.approx(float(np.ptp(COST.numpy())) / 0.1, rel=1e-6)
    assert math.isnan(steps[1].gradient_plan)
    assert list(watch.history.eps) == [step.eps for step in steps]


def test_gradients_in_and_out():
    watch = Watch(every=1)
    cost = COST.clone().requires_grad_()
    plan = watch.wrap(softmax_layer)(cost, 0.3)
    (3.0 * plan[0, 0]).backward()
    assert watch.latest.gradient_plan == pytest.approx(3.0)
    assert watch.latest.gradient_cost == pytest.approx(float(cost.grad.norm()), rel=1e-6)


def test_between_samples_only_the_drift_is_taken():
    watch = Watch(every=3, keep=4)
    for eps in (0.5, 0.4, 0.3, 0.2, 0.1):
        watch.observe(COST, softmax_layer(COST, eps), torch.tensor(eps))
    steps = watch.steps
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert [math.isnan(step.entropy) for step in steps] == [True, True, False, True]
    assert not any(math.isnan(step.drift) for step in steps)
    assert watch.latest.step == 3


def test_the_worst_of_a_batch_is_kept():
    watch = Watch(every=1)
    soft, hard = softmax_layer(COST, 10.0), softmax_layer(COST, 0.001)
    watch.observe(None, torch.stack([soft, hard]))
    assert watch.latest.entropy == pytest.approx(float(signals.entropy(hard)), abs=1e-6)
    assert watch.latest.hard_share == pytest.approx(float(signals.hard_share(hard)))
    watch.observe(None, soft)
    assert math.isnan(watch.latest.drift)


def test_a_layer_without_a_temperature_of_its_own():
    watch = Watch(every=1)
    layer = watch.wrap(lambda cost: softmax_layer(cost, 0.5), eps=0.5)
    layer(COST)
    assert watch.latest.eps == 0.5


@pytest.mark.parametrize("calls", [2, 5, 70])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_drifts_taken_together_are_those_of_each_call(calls, dtype):
    watch = Watch(every=1000, keep=40)
    plans = [softmax_layer(COST, 0.5 - 0.005 * call).to(dtype) for call in range(calls)]
    for at, plan in enumerate(plans):
        watch.observe(COST, plan, 0.5)
        if at == 3:
            assert watch.steps[-1].drift == pytest.approx(
                float(signals.drift(plans[3], plans[2])), rel=1e-6
            )
    steps = watch.steps
    assert [step.step for step in steps] == list(range(calls))[-40:]
    for step in steps:
        if step.step == 0:
            assert math.isnan(step.drift)
        else:
            wanted = signals.drift(plans[step.step], plans[step.step - 1])
            assert step.drift == pytest.approx(float(wanted), rel=1e-6)


def test_the_largest_drift_of_a_batch_is_kept():
    watch = Watch(every=1000)
    plans = [torch.stack([softmax_layer(COST, 0.5), softmax_layer(COST, e)]) for e in (1, 0.5, 0.1)]
    for plan in plans:
        watch.observe(None, plan)
    for step, (before, now) in zip(watch.steps[1:], itertools.pairwise(plans), strict=True):
        assert step.drift == pytest.approx(float(torch.dist(before[1], now[1])), rel=1e-6)


def test_plans_of_another_shape_begin_anew():
    watch = Watch(every=1000)
    for shape in ((3, 4), (3, 4), (2, 3, 4), (2, 3, 4), (3, 4)):
        watch.observe(None, torch.rand(shape))
    assert [math.isnan(step.drift) for step in watch.steps] == [True, False, True, False, True]


def test_a_plan_that_is_written_over_shows_nan_and_later_ones_are_copied():
    watch, memory, made = Watch(every=1000), torch.empty_like(COST), []
    for eps in (0.5, 0.4, 0.3, 0.2, 0.1):
        made.append(softmax_layer(COST, eps))
        memory.copy_(made[-1])
        watch.observe(COST, memory, eps)
        watch.steps  # noqa: B018 - reading takes the drifts
    drifts = [step.drift for step in watch.steps]
    # The second call finds the first plan gone; the third, whose two were copied, the second one.
    assert [math.isnan(drift) for drift in drifts] == [True, True, True, False, False]
    for at in (3, 4):
        assert drifts[at] == pytest.approx(float(torch.dist(made[at], made[at - 1])), rel=1e-6)


def test_inference_plans_are_watched():
    watch, made = Watch(every=2), []
    with torch.inference_mode():
        for eps in (0.5, 0.4, 0.3):
            made.append(softmax_layer(COST, eps))
            watch.observe(COST, made[-1], eps)
        wanted = float(torch.dist(made[2], made[1]))
    assert watch.steps[2].drift == pytest.approx(wanted, rel=1e-6)


def test_faults():
    with pytest.raises(ValueError, match="at least 1"):
        Watch(every=0)
    with pytest.raises(LookupError, match="nothing has been observed"):
        _ = Watch().latest
