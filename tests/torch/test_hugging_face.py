"""Against the real Trainer."""

import json

import numpy as np
import pytest

from sinkdiag import AdaptiveCooling

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")
transformers = pytest.importorskip("transformers", reason="pip install 'sinkdiag[test-models]'")
pytest.importorskip("accelerate", reason="pip install 'sinkdiag[test-models]'")

from sinkdiag.torch import CoolingLoop, CostRecorder, Probe  # noqa: E402
from sinkdiag.torch.hugging_face import CoolingCallback  # noqa: E402
from tests.torch.matcher import Matcher, batches  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


def trainer_of(folder, steps, *, recorder=None):
    model = Matcher()
    loop = CoolingLoop(
        AdaptiveCooling(2.0, 0.7, eps_start=1.0, eps_min=0.05),
        Probe(model.plan_of, batches()[0]["inputs"][None], module=model),
        model.set_eps,
        recorder=recorder,
    )
    options = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=steps, save_steps=4, per_device_train_batch_size=6,
        gradient_accumulation_steps=2, report_to=[], use_cpu=True, disable_tqdm=True,
        learning_rate=0.05, logging_strategy="no", lr_scheduler_type="constant",
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=model, args=options, train_dataset=batches(), callbacks=[CoolingCallback(loop)]
    )
    return trainer, model, loop


def test_it_cools_after_every_step_of_the_optimiser_and_writes_the_record(tmp_path):
    recorder = CostRecorder(tmp_path / "run.npz")
    trainer, model, loop = trainer_of(tmp_path / "out", 8, recorder=recorder)
    trainer.train()
    history = loop.cooling.controller.history
    assert len(history) == 8
    assert model.eps == loop.cooling.eps == history.next_eps.iloc[-1] < 1.0
    with np.load(tmp_path / "run.npz") as held:
        np.testing.assert_array_equal(held["step"], np.arange(8))
        np.testing.assert_allclose(held["eps"], history.eps)
        assert held["cost"].shape == (8, 3, 3)


def test_a_checkpoint_takes_the_controller_along(tmp_path):
    whole, _, whole_loop = trainer_of(tmp_path / "out", 8)
    whole.train()
    stored = json.loads((tmp_path / "out/checkpoint-4/trainer_state.json").read_text())
    assert "CoolingCallback" in stored["stateful_callbacks"]
    resumed, model, loop = trainer_of(tmp_path / "again", 8)
    resumed.train(resume_from_checkpoint=str(tmp_path / "out/checkpoint-4"))
    assert len(loop.cooling.controller.history) == 8
    found, wanted = loop.cooling.controller.history, whole_loop.cooling.controller.history
    np.testing.assert_allclose(found.eps[:5], wanted.eps[:5])
    np.testing.assert_allclose(found.drift[1:4], wanted.drift[1:4])
    assert model.eps == loop.cooling.eps
