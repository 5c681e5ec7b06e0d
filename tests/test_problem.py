import numpy as np
import pytest

from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from sinkdiag.temperature import (
    Temperatures,
    automatic_grid,
    descending,
    parse_eps,
    temperatures_of,
    unit_scale,
)
from tests.helpers import uniform_cost

COST = uniform_cost(3, 6)


def test_unit_marginals_are_ones_and_n_over_m():
    problem = make_problem(COST)
    np.testing.assert_array_equal(problem.row, np.ones(3))
    np.testing.assert_array_equal(problem.col, np.full(6, 0.5))
    assert problem.total == 3.0


def test_probability_marginals():
    problem = make_problem(COST, marginals="probability")
    np.testing.assert_allclose(problem.row, np.full(3, 1 / 3), rtol=1e-15)
    np.testing.assert_allclose(problem.col, np.full(6, 1 / 6), rtol=1e-15)


def test_a_side_left_out_takes_the_total_of_the_other():
    problem = make_problem(COST, col=np.arange(1.0, 7.0))
    np.testing.assert_allclose(problem.row, np.full(3, 7.0), rtol=1e-15)


@pytest.mark.parametrize(
    ("row", "col", "fault"),
    [
        ([1, 1, 1], [1, 1, 1, 1, 1, 1], "different totals"),
        ([1, 1], None, r"shape \(2,\) does not fit"),
        ([1, 0, 2], None, "not positive"),
        ([1, -1, 3], None, "not positive"),
        ([1, np.nan, 1], None, "not positive and finite"),
        (None, [0.5, 0.5, 0.5, 0.5, 0.5, np.inf], "not positive and finite"),
        (["a", "b", "c"], None, "not numbers"),
    ],
)
def test_marginals_that_cannot_be_used(row, col, fault):
    with pytest.raises(InputError, match=fault):
        make_problem(COST, row=row, col=col)


def test_totals_equal_to_rounding_are_made_equal():
    problem = make_problem(COST, row=np.full(3, 0.1), col=np.full(6, 0.05 * (1 + 1e-12)))
    assert problem.col.sum() == pytest.approx(problem.row.sum(), rel=4e-16)


@pytest.mark.parametrize(
    ("cost", "fault"),
    [
        (np.ones(3), "1 dimension"),
        (np.ones((2, 2, 2)), "one of the stack"),
        (np.ones((0, 2)), "empty"),
        ([[1, np.nan]], r"nan at \[0, 1\]"),
        ([[1, -np.inf]], "-inf"),
        ([[1, np.inf], [1, np.inf]], "column 1 has no finite cost"),
        ([[1, 2j]], "complex"),
        ([[1, 1e200]], "beyond 1e.150"),
        ([[0, 1e-200]], "differ by less than"),
        ([[1, None]], "not numbers"),
        ([[1, 2], [3]], "not an array"),
    ],
)
def test_costs_that_cannot_be_used(cost, fault):
    with pytest.raises(InputError, match=fault):
        make_problem(cost)


def test_cost_range_ignores_forbidden_pairs_and_is_one_for_constants():
    assert make_problem([[0.0, np.inf], [2.0, 1.0]]).cost_range == 2.0
    assert make_problem(np.full((2, 2), 7.0)).cost_range == 1.0


def test_eps_grids():
    assert parse_eps("0.5") == [0.5]
    grid = parse_eps("1:0.01:5")
    assert grid[0] == 1.0
    assert grid[-1] == 0.01
    np.testing.assert_allclose(np.diff(np.log(grid)), np.log(0.01) / 4, rtol=1e-12)
    assert parse_eps("2:2:1") == [2.0]
    assert descending([0.1, 1.0, 0.1]) == [1.0, 0.1]


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "nan", "inf", "1:2", "1:2:3:4", "a", "", "1:2:0", "1:2:1", "1:2:1.5", "0:1:3"],
)
def test_eps_that_cannot_be_used(text):
    with pytest.raises(ValueError, match=r"eps|number|COUNT|START|grid"):
        parse_eps(text)


def test_units_and_automatic_temperatures():
    costs = np.array([[0.0, 1.0], [3.0, np.inf]])
    assert unit_scale(costs, "none") == 1.0
    assert unit_scale(costs, "range") == 3.0
    assert unit_scale(costs, "mean") == pytest.approx(4 / 3)
    assert unit_scale(costs, "median") == 1.0
    assert unit_scale(costs, "std") == pytest.approx(np.std([0, 1, 3]))
    with pytest.raises(ValueError, match="cannot be a unit"):
        unit_scale(np.zeros((2, 2)), "range")
    problem = make_problem(3 * costs)
    assert automatic_grid(problem, 4)[0] == 9.0
    assert Temperatures(values=()).ends([problem]) == (9.0, 0.027)
    assert Temperatures(values=(0.1,)).ends([problem]) == (9.0, 0.1)
    assert Temperatures(
        values=(
            0.1,
            2.0,
            0.5,
        )
    ).ends([problem]) == (2.0, 0.1)
    assert Temperatures(values=(4.4,)).ends([problem]) == (9.0, 4.4)
    for single in (4.5, 9.0, 30.0):
        with pytest.raises(InputError, match="leaves no room"):
            Temperatures(values=(single,)).ends([problem])


def test_a_unit_is_each_matrix_s_own():
    problem, wider = make_problem(COST), make_problem(10 * COST)
    half = Temperatures(values=(0.5,), unit="range")
    assert half.grid([problem], 3) == [0.5 * problem.cost_range]
    assert half.grid([wider], 3) == [0.5 * wider.cost_range]
    with pytest.raises(InputError, match="cannot be a unit"):
        half.grid([make_problem(np.zeros((2, 2)))], 3)


@pytest.mark.parametrize("eps", [0.0, -1.0, np.nan, np.inf, []])
def test_temperatures_from_python_are_checked(eps):
    with pytest.raises(InputError, match=r"^eps: "):
        temperatures_of(eps)


def test_masks_gradients_and_overflow_are_no_numbers():
    masked = np.ma.masked_array(COST, mask=COST > 0.5)
    with pytest.raises(InputError, match="masked"):
        make_problem(masked)

    class Tensor:
        requires_grad = True

    with pytest.raises(InputError, match="detach"):
        make_problem(Tensor())
    if np.dtype(np.longdouble).itemsize > 8:
        with pytest.raises(InputError, match="beyond double precision"):
            make_problem(np.full((2, 2), np.longdouble("1e400")))


def test_a_problem_keeps_its_own_marginals():
    row = np.ones(3)
    problem = make_problem(COST, row=row)
    row[:] = 5.0
    np.testing.assert_array_equal(problem.row, np.ones(3))


def test_a_matrix_without_any_open_pair():
    with pytest.raises(InputError, match="row 0 has no finite cost"):
        make_problem(np.full((2, 2), np.inf))
