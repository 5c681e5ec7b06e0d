"""`sinkdiag.pseudospectrum`: the result that Python receives, and what it refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError, NothingToDrawError
from sinkdiag.results import Status
from sinkdiag.studies.pseudospectrum import PseudospectrumSettings, study_matrix
from tests.helpers import planar_cost
from tests.naive import resolvent as naive


def test_parts_are_one_a_temperature_and_norm_of_every_matrix():
    costs = np.stack([planar_cost(5, 0), planar_cost(5, 1)])
    result = sinkdiag.pseudospectrum(
        costs, [0.2, 0.5], layout="batch", norm=["plan", "natural"], grid=(4, 4)
    )
    found = [
        (part.label.index, part.pseudospectrum.summary.eps, part.pseudospectrum.summary.norm)
        for part in result.parts
    ]
    assert found == [
        (index, eps, norm) for index in (0, 1) for eps in (0.5, 0.2) for norm in ("plan", "natural")
    ]
    assert [item.summary.index for item in result.pseudospectra] == [0] * 4 + [1] * 4
    assert len(result.rows) == 8 * 16
    assert list(result.frame().columns)[:3] == ["source", "index", "eps"]
    assert result.statuses == (Status.CONVERGED,) * 8
    assert len(result.findings) == 8
    assert result.findings[1].startswith(
        "cost[0], eps 0.5, natural norm: pseudospectra add nothing"
    )


def test_three_dimensions_need_a_layout():
    with pytest.raises(InputError, match="layout"):
        sinkdiag.pseudospectrum(np.zeros((2, 3, 3)), 0.1)


@pytest.mark.parametrize(
    "argument",
    [
        {"eps": 0.1}, {"eps_unit": "range"}, {"row": np.ones(6)}, {"col": np.ones(6)},
        {"marginals": "probability"}, {"layout": "batch"}, {"norm": "natural"}, {"iters": 3},
        {"structured": 0.1}, {"tol": 1e-9}, {"max_iter": 5},
    ],
)  # fmt: skip
def test_a_matrix_takes_no_argument_of_costs(argument):
    with pytest.raises(InputError, match=next(iter(argument))):
        sinkdiag.pseudospectrum(matrix=naive.grcar(6), grid=(4, 4), **argument)


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ({"norm": "plane"}, "norm"), ({"norm": []}, "norm"), ({"iters": 0}, "iters"),
        ({"grid": (1, 4)}, "grid"), ({"grid": (4,)}, "grid"), ({"axes": (1, 0, 0, 1)}, "axes"),
        ({"axes": (0, np.nan, 0, 1)}, "axes"), ({"axes": (0, 1, 0)}, "axes"),
        ({"axes": (0, 1e200, 0, 1)}, "axes"), ({"levels": [0.0]}, "levels"),
        ({"levels": [1e308]}, "levels"), ({"structured": -1.0}, "structured"),
        ({"structured": np.nan}, "structured"), ({"mode_at": [complex(np.inf)]}, "mode_at"),
        ({"tol": 0.0}, "tol"), ({"max_iter": 0}, "max_iter"), ({"seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_used_are_named(argument, name):
    with pytest.raises(InputError, match=name):
        sinkdiag.pseudospectrum(planar_cost(4), 0.2, **argument)


def test_exactly_one_of_cost_and_matrix():
    for arguments in ({}, {"cost": planar_cost(4), "matrix": np.eye(3)}):
        with pytest.raises(InputError, match="exactly one"):
            sinkdiag.pseudospectrum(**arguments)


class Tensor:
    requires_grad = True


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (Tensor(), "detach"), (np.ma.masked_array(np.eye(2), mask=np.eye(2) > 0), "masked"),
        ([["a", "b"]] * 2, "not numbers"), ([[1.0], [1.0, 2.0]], "not an array"),
        (np.ones((2, 3)), "square"), ([[np.inf, 0.0], [0.0, 1.0]], "not finite"),
    ],
)  # fmt: skip
def test_matrices_that_cannot_be_used_say_why(matrix, words):
    with pytest.raises(InputError, match=words):
        sinkdiag.pseudospectrum(matrix=matrix)


def test_a_list_of_complex_numbers_is_a_matrix():
    summary = sinkdiag.pseudospectrum(matrix=[[1j, 1], [0, 0.5]], grid=(4, 4)).summary
    assert summary.pseudospectra[0].spectral_radius == pytest.approx(1.0)


def test_modes_are_the_entries_of_the_points_asked_for():
    result = sinkdiag.pseudospectrum(planar_cost(6), 0.2, grid=(4, 4), mode_at=[1, 0.5 + 0.1j])
    assert [(entry.re, entry.im) for entry in result.modes[::12]] == [(1.0, 0.0), (0.5, 0.1)]
    assert len(result.modes) == 24
    stream = io.BytesIO()
    result.write_modes(stream)
    head = b"eps,re,im,resolvent_norm,side,index,share,real,imag,norm\n"
    assert stream.getvalue().startswith(head)


def test_levels_are_distinct_and_descend():
    result = sinkdiag.pseudospectrum(matrix=naive.grcar(6), grid=(4, 4), levels=[0.1, 0.3, 0.1])
    assert [radius.level for radius in result.summary.pseudospectra[0].radii] == [0.3, 0.1]


def test_details_name_their_pseudospectrum():
    result = sinkdiag.pseudospectrum(planar_cost(6), [0.5, 0.2], grid=(4, 4), structured=0.01)
    for part in result.parts:
        assert part.details
        assert all(text.startswith(part.name) for text in part.details)
        assert sum("first order" in text for text in part.details) == 5


def test_a_figure_has_a_panel_for_each_temperature_and_norm():
    result = sinkdiag.pseudospectrum(
        planar_cost(6), [0.5, 0.2], grid=(12, 12), norm=["plan", "potential"]
    )
    figure = result.figure()
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert [title.partition("\n")[0] for title in titles] == ["eps = 0.5", "eps = 0.2"] * 2
    assert ["plan" in title for title in titles] == [True, True, False, False]
    assert [axes.get_xlabel() for axes in figure.axes[:4]] == ["Re z (per sweep)"] * 4
    assert [axes.get_ylabel() for axes in figure.axes[:4]] == ["Im z (per sweep)", ""] * 2


def test_figures_of_several_matrices_name_them(tmp_path):
    costs = np.stack([planar_cost(5, 0), planar_cost(5, 1)])
    result = sinkdiag.pseudospectrum(costs, 0.2, layout="batch", grid=(8, 8))
    titles = [axes.get_title() for axes in result.figure().axes[:2]]
    assert [title.partition(",")[0] for title in titles] == ["cost[0]", "cost[1]"]
    result.plot(str(tmp_path / "two.png"))
    assert (tmp_path / "two.png").stat().st_size > 5000


@pytest.mark.parametrize("name", ["$\\frac$.npy", "a\nb.npy", "[/red]x.npy", "n" * 200 + ".npy"])
def test_names_are_no_mathematics(tmp_path, name):
    settings = PseudospectrumSettings(grid=(6, 6))
    result = study_matrix(naive.grcar(6), name, settings)
    result.plot(str(tmp_path / "plot.png"))
    title = result.figure().axes[0].get_title()
    assert title.count("\n") == 1
    assert len(title) < 100


def test_there_is_nothing_to_draw_of_a_single_column():
    with pytest.raises(NothingToDrawError):
        sinkdiag.pseudospectrum(np.zeros((3, 1)), 1.0, grid=(4, 4)).figure()
