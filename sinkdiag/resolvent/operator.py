"""Whose pseudospectrum: the Jacobian at a fixed point, that of K sweeps, or any square matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.jacobian.basis import EigenBasis
from sinkdiag.jacobian.modes import Modes, Norm, modes_in
from sinkdiag.jacobian.sweeps import sweep_jacobian
from sinkdiag.problem import Problem
from sinkdiag.resolvent.triangular import Matrix, Triangular, from_factor, from_matrix
from sinkdiag.results import Status
from sinkdiag.solver.layer import unroll

# The norms of a Jacobian, and that of a matrix of one's own.
OperatorNorm = Literal["plan", "potential", "natural", "euclidean"]
# Entries of a matrix whose squares, and theirs, are still numbers.
LARGEST = 1e60


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """A matrix in triangular form, and what is known of where it comes from.

    Attributes
    ----------
    matrix:
        The triangular form, unitarily similar to J in the norm, or to the user's matrix; none when
        the norm is below resolution.
    size:
        Its order.
    name, index:
        The source, and the matrix's place in its stack.
    eps, norm, iters:
        The temperature (nan for a user's matrix); plan, potential, natural, or ``euclidean`` for a
        user's matrix; sweeps K, 0 for the fixed point.
    kappa:
        Condition number of the eigenvectors of unit length; inf when they are no basis.
    potentials:
        E R^{-1} (m, k): potentials b that the orthonormal coordinates of T stand for; or the
        unitary factor of the Schur form (k, k).
    plan:
        P (n, m), none for a user's matrix.
    status:
        That of the fixed point and of the modes.
    """

    matrix: Triangular | None
    size: int
    name: str
    index: int = 0
    eps: float
    norm: OperatorNorm
    iters: int
    kappa: float
    potentials: Matrix
    plan: FloatArray | None
    status: Status


def at_fixed_point(
    basis: EigenBasis, norm: Norm, *, name: str, eps: float, status: Status, index: int = 0
) -> Operator:
    """The Jacobian of one sweep, T = R Λ R^{-1}, in a norm.

    ``name``, ``index`` and ``eps`` say whose it is; ``status`` is that of the solution, and a
    failed one is passed on.
    """
    modes = modes_in(basis, norm)
    found = _unresolved(
        size=len(modes.gaps),
        plan=np.asarray(basis.plan),
        norm=norm,
        name=name,
        index=index,
        eps=eps,
    )
    if not _is_resolved(modes):
        return found
    return replace(
        found,
        matrix=from_factor(modes.factor, modes.gaps),
        kappa=modes.condition(),
        potentials=_coordinates(modes),
        status=status if status.failed else modes.status,
    )


def of_sweeps(problem: Problem, norm: Norm, *, eps: float, iters: int, index: int = 0) -> Operator:
    """The Jacobian of K sweeps from a cold start, in the norm at the plan P_K that they end with.

    J_K is a product of K different Jacobians and is similar to no symmetric matrix: it goes through
    its Schur form. Each factor averages, so that no eigenvalue is outside the unit circle; what
    rounding moves there is put back.

    Raises
    ------
    InputError
        When the unrolled layer does not fit in memory.
    """
    layer = unroll(problem, eps, iters)
    if layer is None:
        raise InputError(problem.name, f"{iters} unrolled sweeps do not fit", "lower --iters")
    found = _unresolved(
        size=len(problem.col) - 1,
        plan=layer.plan,
        norm=norm,
        name=problem.name,
        index=index,
        eps=eps,
    )
    found = replace(found, iters=iters)
    sweeps = sweep_jacobian(layer, problem.row, problem.col, norm)
    if not sweeps.resolved:
        return found
    matrix, rotation = from_matrix(sweeps.matrix, origin=1.0)
    values = matrix.eigenvalues
    size = np.maximum(np.abs(values), 1.0)
    gaps = np.where(size > 1.0, 1.0 - values / size, matrix.gaps)
    floor = matrix.floor * sweeps.condition
    return replace(
        found,
        matrix=replace(
            matrix, gaps=gaps if np.iscomplexobj(matrix.gaps) else gaps.real, floor=floor
        ),
        kappa=eigenvector_condition(sweeps.matrix),
        potentials=sweeps.potentials @ rotation,
        status=Status.TRUNCATED,
    )


def of_matrix(values: Matrix, name: str = "matrix") -> Operator:
    """Any square matrix, in the Euclidean norm.

    Raises
    ------
    InputError
        Unless it is a finite square matrix of numbers, none of them beyond 1e60.
    """
    if values.dtype.kind not in "fiubc":
        raise InputError(name, f"the entries have the type {values.dtype}", "give numbers")
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise InputError(name, f"the shape is {values.shape}", "give a square matrix")
    if not np.all(np.isfinite(values)):
        raise InputError(name, "some entries are not finite", "give finite numbers")
    largest = float(np.abs(values).max())
    if largest > LARGEST or 0.0 < largest < 1.0 / LARGEST:
        raise InputError(name, f"the largest entry is {largest:.3g}", "rescale the matrix")
    matrix, rotation = from_matrix(values)
    return Operator(
        matrix=matrix,
        size=len(values),
        name=name,
        eps=math.nan,
        norm="euclidean",
        iters=0,
        kappa=eigenvector_condition(values),
        potentials=rotation,
        plan=None,
        status=Status.CONVERGED,
    )


def eigenvector_condition(values: Matrix) -> float:
    """cond(V) for eigenvectors of unit length; inf beyond 1e15, where V is no basis any more."""
    if not len(values):
        return 1.0
    vectors = np.linalg.eig(values)[1]
    sigma = np.linalg.svd(vectors, compute_uv=False)
    return float(sigma[0] / sigma[-1]) if sigma[-1] > 1e-15 * sigma[0] else math.inf


def _coordinates(modes: Modes) -> FloatArray:
    """E R^{-1}: a potential of unit norm for each coordinate of T."""
    return np.asarray(modes.vectors @ modes.inverse_factor)


def _is_resolved(modes: Modes) -> bool:
    return modes.resolved and bool(np.all(np.isfinite(modes.gaps)))


def _unresolved(
    *, size: int, plan: FloatArray, norm: Norm, name: str, index: int, eps: float
) -> Operator:
    """A Jacobian of which only the origin is known: its norm is below resolution."""
    return Operator(
        matrix=None,
        size=size,
        name=name,
        index=index,
        eps=eps,
        norm=norm,
        iters=0,
        kappa=math.nan,
        potentials=np.empty((0, 0)),
        plan=plan,
        status=Status.BELOW_RESOLUTION,
    )
