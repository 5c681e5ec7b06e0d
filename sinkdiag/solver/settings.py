"""The tuning constants of the solver, in one place.

None of them changes what `converged` means; they decide how fast it is reached, and on which
problems at all. Bounds that kernels need as compile-time constants stand beside the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SolverSettings:
    """How `sinkdiag.solver.solve` goes about a problem.

    Steps and spreads of potentials are in units of eps, errors are relative marginal errors.
    """

    # The ladder of temperatures.
    top: float = 0.1
    """The first rung, as a share of the cost's range: sweeps from 0 converge there in a few
    steps."""
    cooling: float = 0.25
    """Each further rung is at least this times the one before."""
    rung_error: float = 0.1
    """A rung that is not the last is left at this error: its potentials then predict the next
    rung's to within Newton's basin."""
    margin: float = 0.1
    """The last rung aims at this times the tolerance, so that rounding does not miss it."""
    floor: float = 1e-15
    """No rung aims lower: sums of n terms resolve no more."""

    # Sweeps.
    first_sweeps: int = 5
    """Sweeps before their rate is judged."""
    patience: int = 24
    """While sweeps promise the goal within this many more they are cheaper than Newton steps."""
    parallel_size: int = 60_000
    """Entries from which the kernel is built on several threads."""

    # Newton steps.
    stall_rounds: float = 4
    """Rounds without a fall of the error by a tenth before Newton gives up."""
    long_step: float = 0.1
    """A step longer than this has raised the dual, whatever the error says."""
    stall_share: float = 0.1
    """What a round without progress counts after such a long step."""
    stall_sweeps: int = 20
    """Sweeps after a Newton direction that improved nothing."""
    longest_step: float = 30.0
    """Largest spread of one step; the line search on the dual takes it from there."""
    halvings: int = 10
    """Steps that a line search tries."""
    armijo: float = 1e-4
    """Share of the predicted rise of the dual that a step must bring."""
    linear: float = 0.5
    """A capped step after which the dual still rises at this share of its rate is prolonged."""
    finest: float = 1e-12
    """Relative accuracy of the end of a prolonged step."""
    closest_solve: float = 1e-6
    """Highest relative accuracy that is asked of a Newton direction."""
    loosest_solve: float = 0.1
    """Lowest relative accuracy of a Newton direction, and its share of the error in between."""

    # The Newton system.
    direct_size: int = 300
    """Order up to which a dense system is factored on one thread."""
    small_share: int = 8
    """Up to that order a factor costs as much as order/small_share products."""
    factor_flops: float = 0.25
    """A factor of order m costs as much as products of factor_flops m³ operations (BLAS-3 runs
    about eight times as fast as products with a vector)."""
    step_flops: float = 4e5
    """What a product costs before it starts, in operations."""
    sparse_size: int = 500_000
    """Entries of the plan from which leaving out the negligible ones can pay."""
    negligible: float = 1e-9
    """Entries below this times c_j / n do not change a direction."""
    densest: float = 0.08
    """Share of entries up to which a sparse plan pays."""
    sparse_penalty: float = 3.0
    """What a sparse operation costs, in dense ones."""
    factor_sparse: int = 20
    """Mean entries in a row of a sparse L up to which its factor, filled in, beats the dense
    one."""
    direct_products: int = 40
    """Mean products a column of the plan that make L, up to which its sparse factor beats
    conjugate gradients too."""
    shift: float = 1e-10
    """Regularisation of the factored L; weaker ties than this are left to flux balance."""

    # Parts of a plan that nearly falls apart.
    weakest_tie: float = 0.1
    """Above this share of the cost's range no entry is small enough to cut the plan apart."""
    link: float = 1e-6
    """Entries below this share of their marginals do not tie two parts together."""
    lowest_link: float = 1e-14
    """How far that share is lowered where the masses of a part differ."""
    equal_mass: float = 1e-14
    """Marginals of a part agree if they do to this share of the whole mass."""
    near: float = 1e-2
    """Parts mean something once the error is at most this."""
    rounds: int = 12
    """Times that Newton and balance take turns."""

    # Flux balance between the parts.
    rung_spread: float = 0.5
    """Spread of the first balance step of a round at which the parts are settled."""
    final_spread: float = 1e-3
    """The same on the last rung, where fluxes matter."""
    exact_goal: float = 1e-11
    """Who asks for a larger error than this asks for a plan, not for the fluxes between parts."""
    inside_done: float = 1e-6
    """Once the error is at most this, the last rung balances to `balanced`; what the inside of the
    parts then has to add is smaller than the spread by the factor `link`."""
    balanced: float = 1e-9
    """Spread of the last balance step there."""
    balance_steps: int = 200
    """Limit on the balance steps of a round."""
    cap: float = 8.0
    """Largest spread of a balance step."""
    caution_steps: int = 25
    """Balance steps after which a step is damped besides."""
    far: float = 0.5
    """A first balance step beyond this calls for the ladder of powers."""
    flattest: float = 10.0
    """Its first power brings the logarithms of the fluxes within this of each other."""
    stage_spread: float = 0.5
    """Its rungs but the last are left at this spread."""


DEFAULT = SolverSettings()
