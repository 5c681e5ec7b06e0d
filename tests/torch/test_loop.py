import json

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import CoolingLoop, CostRecorder, Watch  # noqa: E402


def probe(eps):
    cost = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    return cost, torch.softmax(-cost / eps, dim=-1)


def test_one_step_probes_decides_and_sets(tmp_path):
    put, watch = [], Watch(every=1)
    recorder = CostRecorder(tmp_path / "run.npz")
    controller = AdaptiveCooling(0.5, 0.5, eps_start=1.0, eps_min=0.1)
    loop = CoolingLoop(controller, probe, put.append, watch=watch, recorder=recorder)
    loop.begin()
    assert loop.after_step(0) == 1.0
    assert loop.after_step(1) == 0.5
    assert put == [1.0, 1.0, 0.5]
    assert [step.eps for step in watch.steps] == [1.0, 1.0]
    loop.end()
    with np.load(tmp_path / "run.npz") as held:
        np.testing.assert_array_equal(held["eps"], [1.0, 1.0])
        np.testing.assert_array_equal(held["step"], [0, 1])


def test_a_resumed_loop_sets_the_temperature_it_had():
    put = []
    loop = CoolingLoop(AdaptiveCooling(0.5, 0.5), probe, put.append)
    for step in range(3):
        loop.after_step(step)
    state = json.loads(json.dumps(loop.state_dict()))
    resumed = CoolingLoop(AdaptiveCooling(), probe, put.append)
    resumed.load_state_dict(state)
    assert put[-1] == loop.cooling.eps < 1.0
    assert resumed.after_step(3) == loop.after_step(3)
