"""Solve entropic transport problems: the fixed point, or K sweeps of a layer.

How `solve` works
-----------------
It goes down a ladder of temperatures (`continuation`). On each it sweeps in the linear domain on a
stored kernel, whose exponentials are taken once a temperature (`scaling`), then takes damped Newton
steps on the semi-dual (`newton`): conjugate gradients on the plan, or on its few per cent of
entries that matter, or a dense or sparse factor where that is cheaper (`system`). Where mass has to
cross many temperatures' worth of cost, and no entry of the kernel says so, a step is prolonged
along the concave dual to where it stops rising. `relax` sets the order of all this, `settings` its
tuning.

Cold gaps
---------
Where the plan falls into parts tied by less than 1e-6 (`parts`), a marginal residual no longer
determines the potentials between them; what does is that as much mass leaves a part as enters it: a
small matrix-balancing problem on the logarithms of those fluxes (`balance`), solved with an
elimination that never subtracts (GTH, `sinkdiag.numerics.gth`).

What `converged` means
----------------------
Both marginals of the returned full plan are right to ``tol`` (relative, default 1e-12) *and* the
potentials between all parts are settled. A warm start (``init``) that leads nowhere costs time, not
the answer; along a grid of temperatures `path` decides when to give one. Forbidden pairs are
``+inf``. When no plan exists, or when an allowed pair can carry no mass in any plan (no finite
potentials), that is an `InputError` that names the pair (`feasible`).

With ``iters=K`` exactly K sweeps are run instead (`layer`; `batch` for stacks of small matrices,
`float32` for what single precision makes of them), and the status is ``truncated``.

Accuracy
--------
Against 300-digit arithmetic (``tests/solver/test_exact.py``; random, tied, clustered, rectangular
and skewed problems up to 12×12, gaps from 0.99 down to 1e-87) the gap of the returned plan and
every entry above 1e-200 agree to 1e-6 relative (asserted); observed: below 1e-9 in every one of 235
further cases. Below about 1e-290 the gap is nan, ``below_resolution``.

Certificate (``tests/solver/test_families.py``): uniform, normal and heavy-tailed costs, distances,
clusters, ties, an offset of 1e8, one-dimensional and forbidden-pair problems, n and m up to 119,
equal, random and integer masses and masses over six decades, eps from 100 times the costs' range
down to 1e-5 of it: all of 8,400 problems met 1e-12. At 1e-8 of the range one in 300 stalled, at
1e-11 seven, and said so (``stalled``).
"""

from sinkdiag.solver.batch import BatchSolution, solve_batch
from sinkdiag.solver.certify import duality_gap, marginal_error
from sinkdiag.solver.float32 import Float32Hazard, float32_hazard
from sinkdiag.solver.layer import run_sweeps
from sinkdiag.solver.solve import solve, solve_problem

__all__ = [
    "BatchSolution",
    "Float32Hazard",
    "duality_gap",
    "float32_hazard",
    "marginal_error",
    "run_sweeps",
    "solve",
    "solve_batch",
    "solve_problem",
]
