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


def test_faults():
    with pytest.raises(ValueError, match="at least 1"):
        Watch(every=0)
    with pytest.raises(LookupError, match="nothing has been observed"):
        _ = Watch().latest
