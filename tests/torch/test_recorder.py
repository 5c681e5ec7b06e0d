import numpy as np
import pytest

from sinkdiag.errors import InputError
from tests.helpers import frame_of, invoke

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import CostRecorder  # noqa: E402


def fill(recorder, first, last):
    for step in range(first, last):
        recorder.record(torch.full((2, 3), float(step)), 1.0 / (step + 1), step)


def test_blocks_of_consecutive_steps_in_bounded_memory(tmp_path):
    recorder = CostRecorder(tmp_path / "run.npz", block=4, every=8, most=32, truth=[0, 1])
    fill(recorder, 0, 1000)
    recorder.save()
    with np.load(tmp_path / "run.npz") as held:
        step = held["step"]
        assert len(step) < 32
        assert len(step) >= 16
        np.testing.assert_array_equal(held["cost"][:, 0, 0], step)
        np.testing.assert_allclose(held["eps"], 1.0 / (step + 1))
        np.testing.assert_array_equal(held["truth"], [0, 1])
    assert step.min() == 0
    assert step.max() > 750
    np.testing.assert_array_equal(step.reshape(-1, 4), step[::4, None] + np.arange(4))


@pytest.mark.parametrize("stop", [37, 100, 500])
def test_a_resumed_record_is_the_same(tmp_path, stop):
    """Also where the training goes on from a checkpoint before the record's end."""
    whole = CostRecorder(tmp_path / "whole.npz", block=4, every=8, most=32)
    fill(whole, 0, 600)
    whole.save()
    part = CostRecorder(tmp_path / "part.npz", block=4, every=8, most=32)
    fill(part, 0, stop)
    part.save()
    resumed = CostRecorder(tmp_path / "part.npz", block=4, every=8, most=32, resume=True)
    fill(resumed, stop - stop % 10, 600)
    resumed.save()
    with np.load(tmp_path / "whole.npz") as one, np.load(tmp_path / "part.npz") as other:
        for name in ("cost", "eps", "step"):
            np.testing.assert_array_equal(one[name], other[name])


def test_one_matrix_of_a_batch(tmp_path):
    recorder = CostRecorder(tmp_path / "run.npz", index=1)
    recorder.record(torch.arange(8.0).reshape(2, 2, 2), torch.tensor(0.5), 0)
    recorder.save()
    with np.load(tmp_path / "run.npz") as held:
        np.testing.assert_array_equal(held["cost"], [[[4, 5], [6, 7]]])
        assert held["eps"] == [0.5]


def test_calibrate_reads_it(tmp_path):
    """A learner of free costs: `calibrate` finds the rate that it was trained with."""
    random, rate = torch.Generator().manual_seed(0), 0.05
    cost = torch.rand(6, 6, generator=random, dtype=torch.float64)
    truth = torch.eye(6, dtype=torch.float64)
    path = tmp_path / "run.npz"
    recorder = CostRecorder(path, truth=np.arange(6), block=40, every=40)
    for step in range(40):
        noise = 0.003 * torch.randn(6, 6, generator=random, dtype=torch.float64)
        met = (cost + noise).requires_grad_()
        eps = 0.5 * 0.98**step
        recorder.record(met, eps, step)
        log = -met / eps
        for _ in range(20):
            log = log - log.logsumexp(0, keepdim=True)
            log = log - log.logsumexp(1, keepdim=True)
        (0.5 * (log.exp() - truth).square().sum()).backward()
        cost = cost - rate * met.grad
    recorder.save()
    done = invoke(
        "calibrate", path, "--layout", "trajectory", "--quick", "--max-steps", 60, "--format", "csv"
    )
    assert done.status == 0, done.err
    row = frame_of(done.out).iloc[0]
    assert row["mode"] == "record"
    assert row.learning_rate == pytest.approx(rate, rel=0.1)
    assert row.noise == pytest.approx(0.003, rel=0.2)


def test_faults(tmp_path):
    with pytest.raises(ValueError, match="4 <= block"):
        CostRecorder(tmp_path / "run.npz", block=3)
    with pytest.raises(InputError, match="does not exist"):
        CostRecorder(tmp_path / "nowhere" / "run.npz")
    recorder = CostRecorder(tmp_path / "run.npz")
    with pytest.raises(InputError, match="nothing was recorded"):
        recorder.save()
    recorder.record(torch.zeros(2, 2), 1.0, 5)
    with pytest.raises(ValueError, match="step 5 follows step 5"):
        recorder.record(torch.zeros(2, 2), 1.0, 5)
    with pytest.raises(ValueError, match=r"shape went from \(2, 2\) to \(3, 3\).*probe"):
        recorder.record(torch.zeros(3, 3), 1.0, 6)
    np.savez(tmp_path / "other.npz", cost=np.zeros((2, 2)))
    with pytest.raises(InputError, match="no record to go on with"):
        CostRecorder(tmp_path / "other.npz", resume=True)
    np.savez(tmp_path / "odd.npz", cost=np.zeros((1, 2, 2)), eps=[1.0], step=[7])
    with pytest.raises(InputError, match="its blocks are others"):
        CostRecorder(tmp_path / "odd.npz", block=4, every=8, resume=True)
