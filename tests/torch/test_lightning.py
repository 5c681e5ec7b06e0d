"""Against the real Lightning."""

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")
lightning = pytest.importorskip("lightning", reason="pip install 'sinkdiag[test-models]'")

from sinkdiag.torch import CoolingLoop, CostRecorder, Probe  # noqa: E402
from sinkdiag.torch.lightning import CoolingCallback  # noqa: E402
from tests.torch.matcher import Matcher, batches  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.matcher = Matcher()

    def training_step(self, batch, number):  # noqa: ARG002
        return self.matcher(batch["inputs"])["loss"]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def fit(folder, steps, *, checkpoint=None, recorder=None):
    module = Module()
    loop = CoolingLoop(
        AdaptiveCooling(2.0, 0.7, eps_start=1.0, eps_min=0.05),
        Probe(module.matcher.plan_of, batches()[0]["inputs"][None], module=module),
        module.matcher.set_eps,
        recorder=recorder,
    )
    trainer = lightning.Trainer(
        max_steps=steps, callbacks=[CoolingCallback(loop)], logger=False, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accumulate_grad_batches=2, default_root_dir=str(folder),
    )  # fmt: skip
    data = torch.utils.data.DataLoader(batches(), batch_size=3)
    trainer.fit(module, data, ckpt_path=checkpoint)
    return trainer, module, loop


def test_it_cools_after_every_step_of_the_optimiser_and_writes_the_record(tmp_path):
    recorder = CostRecorder(tmp_path / "run.npz")
    trainer, module, loop = fit(tmp_path, 8, recorder=recorder)
    history = loop.cooling.controller.history
    assert len(history) == 8
    assert module.matcher.eps == loop.cooling.eps == history.next_eps.iloc[-1] < 1.0
    assert float(trainer.callback_metrics["sinkdiag_eps"]) == pytest.approx(loop.cooling.eps)
    with np.load(tmp_path / "run.npz") as held:
        np.testing.assert_array_equal(held["step"], np.arange(8))


def test_a_checkpoint_takes_the_controller_along(tmp_path):
    trainer, _, half = fit(tmp_path, 4)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, module, loop = fit(tmp_path, 8, checkpoint=tmp_path / "half.ckpt")
    found, wanted = loop.cooling.controller.history, half.cooling.controller.history
    assert len(found) == 8
    np.testing.assert_array_equal(found.eps[:5], [*wanted.eps, wanted.next_eps[3]])
    np.testing.assert_array_equal(found.drift[1:4], wanted.drift[1:])
    assert np.isfinite(found.drift[4])  # the plan before was in the checkpoint
    assert module.matcher.eps == loop.cooling.eps
