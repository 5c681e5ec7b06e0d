import io
import json
import math
import os
import socket
from itertools import pairwise

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import TensorCooling  # noqa: E402


def plans(count=8, shape=(4, 4), seed=0):
    random = np.random.default_rng(seed)
    return [random.random(shape) for _ in range(count)]


def controller(**options):
    return AdaptiveCooling(**{"k_safe": 1.4, "alpha0": 0.7, "eps_start": 1.0, **options})


@pytest.mark.parametrize("signal", ["drift", "tracking"])
@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_it_decides_as_the_controller_on_arrays_does(signal, reduce):
    tensors = TensorCooling(controller(signal=signal, reduce=reduce, k_safe=0.3))
    arrays = controller(signal=signal, reduce=reduce, k_safe=0.3)
    for plan in plans(shape=(3, 4, 4)):
        plan /= plan.sum(axis=-1, keepdims=True)
        following = tensors.step(torch.from_numpy(plan).requires_grad_())
        assert following == pytest.approx(arrays.step(plan), rel=1e-12)
    found, wanted = tensors.controller.history, arrays.history
    np.testing.assert_allclose(found.drift, wanted.drift, rtol=1e-12)
    np.testing.assert_allclose(found.tracking_error, wanted.tracking_error, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_tensors_as_they_come(dtype):
    """Both take what autograd makes in any precision, and see what that precision holds."""
    one, other = controller(), TensorCooling(controller())
    for plan in plans(4):
        tensor = torch.from_numpy(plan).to(dtype).requires_grad_()
        assert one.step(tensor) == pytest.approx(other.step(tensor), rel=1e-6)
    drifts = one.history.drift[1:], other.controller.history.drift[1:]
    np.testing.assert_allclose(*drifts, rtol=1e-6)


def test_late_it_acts_on_the_step_before():
    late = TensorCooling(controller(k_safe=2.5), late=True)
    sequence = plans(6)
    met = []
    for plan in sequence:
        met.append(late.eps)
        late.step(torch.from_numpy(plan))
    drifts = [np.linalg.norm(b - a) for a, b in pairwise(sequence)]
    # By hand: passes 0, 1 and 2 at the start (nothing read, then no drift); then each on the
    # reading of two passes before, at the temperature that it had.
    wanted = [1.0, 1.0, 1.0]
    for step in range(3, 6):
        ratio = drifts[step - 3] / wanted[step - 2]
        wanted.append(wanted[-1] * (0.7 if ratio <= 2.5 else 1.0))
    assert met == pytest.approx(wanted)
    assert len(set(met)) > 1
    history = late.controller.history
    assert len(history) == 5
    np.testing.assert_allclose(history.drift[1:], drifts[:4], rtol=1e-12)
    np.testing.assert_allclose(history.eps, met[:5])
    assert history.late.all()


def test_arrival_is_the_pass_that_uses_eps_min():
    for late in (False, True):
        cooling = TensorCooling(controller(k_safe=math.inf, eps_min=0.5), late=late)
        met = []
        for plan in plans(8):
            met.append(cooling.eps)
            cooling.step(torch.from_numpy(plan))
        assert cooling.done
        assert cooling.controller.arrival == met.index(0.5)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("way", ["json", "torch"])
def test_state_goes_through_json_and_weights_only(late, way):
    whole, part = (TensorCooling(controller(beta=0.2), late=late) for _ in range(2))
    sequence = [torch.from_numpy(plan).bfloat16() for plan in plans()]
    for plan in sequence[:4]:
        whole.step(plan)
        part.step(plan)
    state = part.state_dict()
    if way == "json":
        state = json.loads(json.dumps(state))
    else:
        stream = io.BytesIO()
        torch.save(state, stream)
        stream.seek(0)
        state = torch.load(stream, weights_only=True)
    resumed = TensorCooling(AdaptiveCooling(), late=late)
    resumed.load_state_dict(state)
    for plan in sequence[4:]:
        assert whole.step(plan) == resumed.step(plan)
    assert whole.controller.history.equals(resumed.controller.history)
    with pytest.raises(ValueError, match="lacks controller"):
        resumed.load_state_dict({})


def test_the_plan_is_copied():
    cooling = TensorCooling(controller())
    plan = torch.ones(2, 2)
    cooling.step(plan)
    plan.zero_()
    cooling.step(plan)
    assert cooling.controller.history.drift[1] == 2.0


@pytest.mark.parametrize("late", [False, True])
def test_plans_that_cannot_be_used(late):
    cooling = TensorCooling(controller(), late=late)
    with pytest.raises(ValueError, match=r"\(n, m\) or \(B, n, m\)"):
        cooling.step(torch.ones(3))
    cooling.step(torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"shape went from \(2, 2\) to \(3, 3\); feed the plan of"):
        cooling.step(torch.ones(3, 3))


@pytest.mark.parametrize("late", [False, True])
def test_a_layer_that_diverges(late):
    cooling, broken = TensorCooling(controller(), late=late), torch.full((2, 2), math.nan)
    cooling.step(torch.ones(2, 2))
    if late:
        cooling.step(broken)
    with pytest.raises(ValueError, match="not finite"):
        cooling.step(broken)


def test_a_first_plan_that_is_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        TensorCooling(controller()).step(torch.full((2, 2), math.inf))


def rank_runs(rank, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    for reduce in ("max", "mean"):
        cooling = TensorCooling(controller(reduce=reduce))
        for plan in plans(shape=(2, 4, 4), seed=rank):
            cooling.step(torch.from_numpy(plan))
        cooling.controller.history.to_csv(f"{folder}/{reduce}{rank}.csv")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_ranks_cool_alike_as_one_batch_would(tmp_path):
    import pandas as pd

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(rank_runs, (port, str(tmp_path)), nprocs=2)
    for reduce in ("max", "mean"):
        one = controller(reduce=reduce)
        for first, second in zip(*(plans(shape=(2, 4, 4), seed=rank) for rank in (0, 1))):
            one.step(np.concatenate([first, second]))
        for rank in (0, 1):
            found = pd.read_csv(tmp_path / f"{reduce}{rank}.csv")
            np.testing.assert_allclose(found.drift, one.history.drift, rtol=1e-12)
            np.testing.assert_allclose(found.next_eps, one.history.next_eps, rtol=1e-12)
