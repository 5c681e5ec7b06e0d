"""The study of a whole network: rows, verdicts, composites, comparisons, tokens."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import sinkdiag
from sinkdiag import InputError, NothingToDrawError
from sinkdiag.checkpoints.loops import LOOPS
from sinkdiag.checkpoints.projection import project
from sinkdiag.columns import column_names
from sinkdiag.results import Status
from sinkdiag.studies.stack_row import StackRow
from tests.checkpoints import real
from tests.checkpoints.written import deepseek, save

EYE = np.eye(4)
# What the contract names, in its order.
CONTRACT = (
    "layer,site,streams,logit_range,sigma_2,gap,row_error,col_error,gradient_norm,"
    "gradient_norm_float32,gradient_norm_bfloat16,identity_distance,uniform_distance,verdict"
)
# Four layers of two sites: frozen, mixing, uniform, and a loop that has not converged.
KINDS = (
    ("frozen", 200 * EYE - 200),
    ("mixing", 2 * EYE),
    ("uniform", 1e-4 * EYE),
    ("broken", -60.0 * np.tri(4, k=-1)),  # a triangle: errors fall like 1/K only
)


def checkpoint(tmp_path, logits, name="a.safetensors", **more):
    return save(tmp_path / name, deepseek(logits, **more))


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    logits = [matrix for _, matrix in KINDS for _ in range(2)]
    path = checkpoint(tmp_path_factory.mktemp("kinds"), logits)
    return path, sinkdiag.stack(path, extended=True)


def test_columns_are_the_contract_s():
    assert ",".join(column_names(StackRow)).startswith(CONTRACT + ",")


def test_verdicts_of_every_kind(kinds):
    _, result = kinds
    assert [row.verdict for row in result.rows] == [word for word, _ in KINDS for _ in range(2)]
    assert [row.layer for row in result.rows] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [row.site for row in result.rows] == ["hc_attn", "hc_ffn"] * 4
    for row in result.rows:
        assert bool(row.remedy) == (row.verdict != "mixing")
        assert (row.verdict == "mixing") or row.cause
    summary = result.summary
    assert (summary.frozen, summary.mixing, summary.uniform, summary.broken) == (2, 2, 2, 2)
    said = " ".join(result.findings)
    assert "8 sites: 2 frozen (under SGD at rate 0.001), 2 mixing, 2 uniform, 2 broken" in said
    assert "frozen: layers.0.hc_attn (and 1 more)" in said


def test_rows_measure_the_loop_s_own_matrix(kinds):
    _, result = kinds
    for (_, logits), row in zip(KINDS, result.rows[::2], strict=True):
        stored = logits.astype(np.float32).astype(float)
        matrix = project(stored, LOOPS["deepseek-v4"])
        assert row.sigma_2 == pytest.approx(np.linalg.svd(matrix)[1][1], rel=1e-12)
        assert row.row_error == np.abs(matrix.sum(axis=1) - 1).max()
        assert row.col_error == np.abs(matrix.sum(axis=0) - 1).max()
        assert row.logit_range == np.ptp(stored)
        assert row.streams == 4
    # The loop ends on the stored columns: their sums are 1 - eps, whatever the rows' are.
    for row in result.rows:
        assert row.col_error == pytest.approx(1e-6, rel=0.2)


def test_gaps_are_those_of_the_fixed_point(kinds):
    _, result = kinds
    frozen, mixing, uniform, _ = result.rows[::2]
    # e^-200 beside 1 in both places: σ_2 = (1 - x)/(1 + 3x), gap = 8x to first order.
    assert frozen.gap == pytest.approx(8 * math.exp(-200), rel=1e-9)
    assert frozen.status is Status.FROZEN
    x = math.exp(-2)
    assert mixing.gap == pytest.approx(1 - ((1 - x) / (1 + 3 * x)) ** 2, rel=1e-6)
    assert uniform.gap == pytest.approx(1.0, rel=1e-8)
    assert mixing.sigma_2_fixed == pytest.approx((1 - x) / (1 + 3 * x), rel=1e-6)
    # The denominators' 1e-6 is all that separates this loop from its fixed point.
    assert 1e-8 < mixing.sweep_distance < 2e-6
    assert 1e-8 < mixing.start_distance < 1e-5


def test_the_other_optimizer(tmp_path):
    path = checkpoint(tmp_path, [30 * EYE - 30, 8 * EYE - 8])
    result = sinkdiag.stack(path, optimizer="adam", extended=True)
    assert [row.verdict for row in result.rows] == ["frozen", "mixing"]
    assert "below 1e-08, at which Adam too stands still" in result.rows[0].cause
    assert "under Adam" in " ".join(result.findings)
    assert [row.frozen_sgd for row in result.rows] == [True, False]
    assert [row.frozen_adam for row in result.rows] == [True, False]


@pytest.mark.parametrize("name", ["frozen", "mixing", "uniform"])
def test_a_network_of_one_kind(tmp_path, name):
    """An unknown checkpoint of equal sites: its composite in closed form."""
    logits = dict(KINDS)[name]
    result = sinkdiag.stack(checkpoint(tmp_path, [logits] * 6))
    (composite,) = result.summary.composites
    x = math.exp(-np.ptp(logits))
    sigma = (1 - x) / (1 + 3 * x)
    assert composite.sites == 6
    assert composite.forward_gain == pytest.approx(1, abs=2e-5)
    if name == "uniform":
        assert math.isnan(composite.sigma_2) or composite.sigma_2 < 1e-20
        assert composite.effective_depth == 1
    else:
        assert composite.sigma_2 == pytest.approx(sigma**6, rel=3e-5)
        wanted = math.ceil(math.log(0.01 / 0.75) / math.log(sigma)) if sigma < 0.9 else math.inf
        assert composite.effective_depth == wanted or math.isnan(composite.effective_depth)
        assert math.isnan(composite.effective_depth) == (wanted > 6)


def test_what_a_transpose_changes():
    """Nothing that a sum could see; the mixers differ by as much as the matrix is unsymmetric."""
    logits = np.random.default_rng(0).normal(size=(3, 4, 4)) * 2
    result = sinkdiag.stack(logits, against_transposed=True)
    part = result.parts[0]
    for row, measured in zip(part.difference_rows, part.measured, strict=True):
        assert row.finding == "transposed"
        assert row.mixer_distance == np.abs(measured.matrix - measured.matrix.T).max()
        assert row.transpose_distance == 0.0
        assert row.sigma_2 == row.sigma_2_against
        assert row.line_error == row.line_error_against
    comparison = result.summary.comparison
    assert (comparison.same, comparison.transposed, comparison.different) == (0, 3, 0)
    assert "3 transposed" in comparison.sentence


def test_what_a_wrongly_converted_checkpoint_changes(tmp_path):
    logits = np.random.default_rng(0).normal(size=(2, 4, 4))
    right = checkpoint(tmp_path, logits)
    wrong = checkpoint(tmp_path, logits.transpose(0, 2, 1), "b.safetensors")
    result = sinkdiag.stack(right, against=wrong)
    # The loop of the transposed logits starts on the other side: equal up to its 1e-6.
    assert {row.finding for row in result.parts[0].difference_rows} <= {
        "transposed", "nearly transposed",
    }  # fmt: skip
    assert max(row.transpose_distance for row in result.parts[0].difference_rows) < 1e-5
    assert result.summary.comparison.transposed == 2
    same = sinkdiag.stack(right, against=right).summary.comparison
    assert (same.same, same.transposed, same.different) == (2, 0, 0)
    fewer = checkpoint(tmp_path, logits[:1], "c.safetensors")
    comparison = sinkdiag.stack(right, against=fewer).summary.comparison
    assert comparison.only_here == ("layers.0.hc_ffn",)
    assert comparison.only_there == ()


def test_what_sweeps_and_starts_change():
    logits = 3 * np.random.default_rng(0).normal(size=(1, 4, 4))
    for options in (
        {"against_iters": 1},
        {"against_implementation": "hyper-connections", "against_iters": 2},
        {"against_first": "column", "iters": 2},
    ):
        result = sinkdiag.stack(logits, implementation="deepseek-v4", **options)
        assert result.summary.comparison.different == 1, options
        (row,) = result.parts[0].difference_rows
        assert row.logit_distance == 0.0
        assert row.mixer_distance > 1e-4
        words = result.summary.comparison.implementation
        assert f"{options.get('against_iters', 2)} sweep" in words
        assert words.startswith(options.get("against_implementation", "deepseek-v4"))
    same = sinkdiag.stack(logits, against_start="chain", iters=400, against_iters=400)
    assert same.summary.comparison.same == 1


def test_recorded_tokens(tmp_path):
    model = str(real.DATA / "deepseek_v4")
    static = sinkdiag.stack(model)
    draw = np.random.default_rng(0)
    arrays = {
        row.key: draw.normal(size=(40, 4, 4)) * (10.0 if row.layer else 0.001)
        for row in static.rows
    }
    np.savez(tmp_path / "logits.npz", **arrays)
    result = sinkdiag.stack(model, activations=str(tmp_path / "logits.npz"))
    rows = result.parts[0].token_rows
    assert [row.key for row in rows] == [row.key for row in static.rows]
    assert [row.tokens for row in rows] == [40] * 6
    assert [row.uniform_share for row in rows[:2]] == [1.0, 1.0]
    assert all(row.broken_share > 0 for row in rows[2:])
    assert all(row.sigma_2_low <= row.sigma_2_median <= row.sigma_2_high for row in rows)
    (tokens,) = result.summary.tokens
    assert (tokens.tokens, tokens.sites) == (40, 6)
    assert any("of 40 tokens" in text for text in result.findings)
    assert result.frame().equals(static.frame())  # rows are of the static logits


def test_logits_that_are_lost(tmp_path):
    logits = np.stack([EYE, np.full((4, 4), np.nan), np.full((4, 4), np.inf)])
    result = sinkdiag.stack(checkpoint(tmp_path, logits))
    assert [row.verdict for row in result.rows] == ["mixing", "broken", "broken"]
    assert "not all finite" in result.rows[1].cause
    assert result.status is Status.BELOW_RESOLUTION
    assert math.isnan(result.rows[1].sigma_2)
    assert math.isnan(result.summary.composites[0].sigma_2)
    with pytest.raises(NothingToDrawError):
        sinkdiag.stack(np.full((2, 4, 4), np.nan)).plot(str(tmp_path / "a.png"))


@pytest.mark.parametrize("scale", [1e30, 1e200, 1e-300])
def test_logits_of_any_size(scale):
    logits = scale * np.random.default_rng(0).normal(size=(2, 4, 4))
    result = sinkdiag.stack(logits, implementation="deepseek-v4")
    assert {row.verdict for row in result.rows} == {"uniform" if scale < 1 else "broken"}


@pytest.mark.parametrize("n", [1, 2, 24])
def test_any_number_of_streams(n):
    result = sinkdiag.stack(np.random.default_rng(0).normal(size=(2, n, n)))
    assert [row.streams for row in result.rows] == [n, n]
    assert all(math.isfinite(row.gradient_norm) for row in result.rows)
    assert {row.verdict for row in result.rows} == ({"uniform"} if n == 1 else {"mixing"})


def test_parts_of_the_network_are_apart(tmp_path):
    tensors = deepseek([EYE, EYE])
    tensors |= deepseek([np.eye(3)], key="mtp.{}.hc_{}")
    result = sinkdiag.stack(save(tmp_path / "a.safetensors", tensors))
    assert [(entry.part, entry.sites) for entry in result.summary.composites] == [
        ("layers", 2), ("mtp", 1),
    ]  # fmt: skip
    tensors = deepseek([EYE, np.eye(3)])
    result = sinkdiag.stack(save(tmp_path / "a.safetensors", tensors))
    assert result.summary.composites == ()
    assert any("no product over depth" in text for text in result.findings)
    result.plot(str(tmp_path / "a.png"))


def test_inputs_that_move_logits_are_named(tmp_path):
    still = sinkdiag.stack(checkpoint(tmp_path, [EYE], scale=0.0))
    assert still.rows[0].dynamic_bound == 0.0
    assert not any("static logits" in text for text in still.findings)
    moved = sinkdiag.stack(checkpoint(tmp_path, [EYE], scale=0.5))
    assert any("an input moves those of layers.0.hc_attn" in text for text in moved.findings)
    row = sinkdiag.stack(checkpoint(tmp_path, [EYE]), extended=True).rows[0]
    assert row.logit_range < row.range_bound <= row.logit_range + 2 * row.dynamic_bound


def test_arguments_out_of_range():
    for wrong in ({"lr": 0.0}, {"optimizer": "lion"}, {"against_iters": 0}, {"iters": 1.5}):
        with pytest.raises(InputError, match=next(iter(wrong)).removeprefix("against_")):
            sinkdiag.stack(EYE, **wrong)


def test_86_sites_in_under_two_seconds(tmp_path):
    """DeepSeek-V4's 43 layers; processor time, kernels compiled."""
    draw = np.random.default_rng(0)
    logits = [size * draw.normal(size=(4, 4)) for size in draw.choice([0.01, 1, 5, 50], 86)]
    path = checkpoint(tmp_path, logits, hidden=64)
    sinkdiag.stack(path)
    start = time.process_time()
    result = sinkdiag.stack(path, extended=True)
    assert time.process_time() - start < 2.0
    assert len(result.rows) == 86


def test_gaps_beyond_double_precision_are_named():
    result = sinkdiag.stack(np.stack([EYE, 900 * EYE]))
    assert [row.status for row in result.rows] == [Status.CONVERGED, Status.BELOW_RESOLUTION]
    assert math.isnan(result.rows[1].gap)
    assert result.rows[1].verdict == "frozen"
    assert "the gap of 1 of 2 sites is not resolved, first of 1" in result.findings[-1]
