import pytest

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import Probe  # noqa: E402


def test_it_sees_the_same_batch_without_dropout_and_leaves_the_mode():
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))
    module[0].eval()
    batch = torch.ones(2, 3)
    probe = Probe(lambda inputs, factor: factor * module(inputs), batch, module=module)
    first = probe(2.0)
    batch.zero_()
    torch.testing.assert_close(probe(2.0), first)
    torch.testing.assert_close(probe(4.0), 2 * first)
    assert not first.requires_grad
    assert (module.training, module[0].training, module[1].training) == (True, False, True)


def test_the_mode_comes_back_after_a_failure():
    module = torch.nn.Dropout()
    with pytest.raises(ZeroDivisionError):
        Probe(lambda: 1 / 0, module=module)()
    assert module.training
