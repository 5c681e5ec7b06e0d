"""``stack``: what the projections of a network with hyper-connections do, from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.checkpoints.activations import Tokens, read_tokens
from sinkdiag.checkpoints.composite import Course
from sinkdiag.checkpoints.loops import Choice, Name, Side, Start, check_choice_of_loop
from sinkdiag.checkpoints.recognise import read_model, words_of
from sinkdiag.checkpoints.site import Model
from sinkdiag.checkpoints.verdict import Optimizer
from sinkdiag.errors import NothingToDrawError
from sinkdiag.progress import Progress, silent
from sinkdiag.rendering.table import Label
from sinkdiag.studies.result import Part, Result
from sinkdiag.studies.stack_difference import compare, differences
from sinkdiag.studies.stack_findings import (
    StackSummary,
    courses_of,
    failures_of,
    findings_of,
    summarise,
)
from sinkdiag.studies.stack_row import DifferenceRow, StackRow, TokenRow
from sinkdiag.studies.stack_settings import Against, StackSettings
from sinkdiag.studies.stack_site import MeasuredSite, measure_site, write_matrices
from sinkdiag.studies.stack_tokens import token_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["StackResult", "StackRow", "StackSettings", "stack", "study_stack"]


@dataclass(frozen=True, kw_only=True, eq=False)
class StackPart(Part):
    """One network.

    ``model`` has the sites with their logits and intervals, and the loop; ``measured`` the sites
    with their matrices, in network order; ``courses`` the composites over depth of its parts.
    ``token_rows`` and ``difference_rows`` are empty where nothing was recorded or compared;
    ``files`` are all that were opened, the other network's included.
    """

    model: Model
    measured: tuple[MeasuredSite, ...]
    courses: tuple[tuple[str, Course], ...]
    summary: StackSummary
    token_rows: tuple[TokenRow, ...] = ()
    difference_rows: tuple[DifferenceRow, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class StackResult(Result[StackPart]):
    """The projections of one or several networks."""

    command: ClassVar[str] = "stack"
    row_type: ClassVar[type] = StackRow
    other_rows: ClassVar[Mapping[str, type]] = MappingProxyType(
        {"--differences": DifferenceRow, "--tokens": TokenRow}
    )

    @property
    def summary(self) -> StackSummary | list[StackSummary]:
        """That of the only network, or one for each of several."""
        found = [part.summary for part in self.parts]
        return found[0] if len(found) == 1 else found

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence on the gaps that are not resolved."""
        return failures_of(self.rows)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that was opened."""
        return tuple(dict.fromkeys(path for part in self.parts for path in part.files))

    def figure(self) -> Figure:
        """The first network: layers × sites by what mixes, and the composite over depth."""
        from sinkdiag.rendering.figures.stack import StackMap, draw

        first = self.parts[0]
        if all(np.isnan(row.sigma_2) for row in first.rows):
            raise NothingToDrawError("no matrix is finite")
        stem, course = max(
            first.courses, key=lambda entry: len(entry[1].points), default=("", None)
        )
        points = course.points if course is not None else ()
        return draw(
            StackMap(
                name=first.name,
                implementation=first.summary.implementation,
                loop=first.summary.loop,
                layers=[row.layer for row in first.rows],
                sites=[row.site for row in first.rows],
                stems=[entry.site.place.stem for entry in first.measured],
                sigma_2=[row.sigma_2 for row in first.rows],
                verdicts=[row.verdict for row in first.rows],
                part=stem,
                product_sigma_2=[point.sigma_2 for point in points],
                contrast=[point.contrast for point in points],
                forward=[point.forward for point in points],
                backward=[point.backward for point in points],
            )
        )

    def write_matrices(self, stream: IO[bytes]) -> None:
        """The first network as arrays (.npz), (n, n) each, by its sites' keys.

        ``KEY`` is the matrix after the loop, as the module returns it; ``KEY:logits`` are the
        static logits and ``KEY:bound`` what no input moves them beyond.
        """
        write_matrices(self.parts[0].measured, stream)

    def write_differences(self, stream: IO[bytes]) -> None:
        """The comparison as CSV, one row a site."""
        table = self.table_of(
            "differences", DifferenceRow, [part.difference_rows for part in self.parts]
        )
        stream.write(table.render("csv").encode())

    def write_tokens(self, stream: IO[bytes]) -> None:
        """The recorded tokens as CSV, one row a site."""
        table = self.table_of("tokens", TokenRow, [part.token_rows for part in self.parts])
        stream.write(table.render("csv").encode())


def stack(
    model: str | ArrayLike,
    *,
    implementation: Name | None = None,
    logits: str | None = None,
    iters: int | None = None,
    start: Start | None = None,
    first: Side | None = None,
    denominator: float | None = None,
    temperature: float | None = None,
    optimizer: Optimizer = "sgd",
    lr: float = 1e-3,
    activations: str | None = None,
    against: str | ArrayLike | None = None,
    against_implementation: Name | None = None,
    against_iters: int | None = None,
    against_start: Start | None = None,
    against_first: Side | None = None,
    against_transposed: bool = False,
    extended: bool = False,
) -> StackResult:
    """Run every projection of a network as its implementation does, and say what it is worth.

    A site's matrix is P = loop(logits): a start (softmax, exp, log domain), then K sweeps of row
    and column normalisations. The streams are mixed by H = P' in every known implementation, so
    that over depth H_total = H_L ⋯ H_1. The matrices are the result's ``parts[0].measured``.

    Parameters
    ----------
    model:
        A ``.safetensors`` file, a folder of shards, an ``.npz`` or ``.npy``, a ``.pt`` (with
        torch); or logits (n, n) or (L, n, n) in network order.
    implementation:
        Whose loop it is, from `sinkdiag.checkpoints.loops.LOOPS`; None: by the tensors' names.
    logits:
        A regular expression for the tensors that hold logits, of an unknown implementation.
    iters, start, first, denominator, temperature:
        K sweeps, the start, the side normalised first, what is added to sums, what logits are
        divided by; None: the implementation's, by its config.json where there is one.
    optimizer, lr:
        When a site counts as frozen: ‖J‖₂ < 1e-8, and for ``sgd`` also where lr·‖J‖₂ <
        u·median|logits|, u being the unit roundoff of the stored logits.
    activations:
        Recorded logits (``.npz``), see `sinkdiag.checkpoints.activations`.
    against:
        Another network to compare with.
    against_implementation, against_iters, against_start, against_first, against_transposed:
        How the other side runs; without ``against``, the same logits in another way.
    extended:
        Fill the extended columns.

    Raises
    ------
    InputError
        When a file cannot be read or understood, or an argument is out of range.

    Source: Xie et al., *mHC: Manifold-Constrained Hyper-Connections*, arXiv 2512.24880; the loops
    as the implementations run them.
    """
    choice = Choice(
        implementation=implementation,
        logits=logits,
        iters=iters,
        start=start,
        first=first,
        denominator=denominator,
        temperature=temperature,
    )
    other = Choice(
        implementation=against_implementation,
        iters=against_iters,
        start=against_start,
        first=against_first,
    )
    return study_stack(
        [model],
        StackSettings(choice=choice, optimizer=optimizer, lr=lr, extended=extended),
        activations=activations,
        against=against,
        other=Against(choice=other, transposed=against_transposed),
    )


def study_stack(
    models: Sequence[str | ArrayLike],
    settings: StackSettings,
    *,
    activations: str | None = None,
    against: str | ArrayLike | None = None,
    other: Against | None = None,
    progress: Progress = silent,
) -> StackResult:
    """`stack` for several networks: one part each."""
    second = Against() if other is None else other
    check_choice_of_loop(second.choice)
    read = [read_model(source, settings.choice) for source in models]
    there = None if against is None else _other_model(against, settings, second)
    parts = []
    for model in read:
        tokens = None if activations is None else read_tokens(activations, model)
        compared = there
        if compared is None and second.is_asked:
            compared = second.model_after(model)
        parts.append(_part(model, settings, tokens, compared, progress))
    return StackResult(parts=tuple(parts), extended=settings.extended, labelled=len(parts) > 1)


def _other_model(source: str | ArrayLike, settings: StackSettings, other: Against) -> Model:
    """The network to compare with: run as its own keys say, or as was said of it."""
    choice = settings.choice if other.choice.is_empty else other.choice
    model = read_model(source, choice)
    return replace(model, loop=other.turned(model.loop))


def _part(
    model: Model,
    settings: StackSettings,
    tokens: Tokens | None,
    compared: Model | None,
    progress: Progress,
) -> StackPart:
    measured = _measured(model, settings, progress)
    rows = tuple(entry.row for entry in measured)
    courses = courses_of(model, measured)
    found: tuple[DifferenceRow, ...] = ()
    comparison = None
    if compared is not None:
        there = _measured(compared, settings, progress)
        found = differences(measured, there, (model.loop, compared.loop))
        comparison = compare(
            found,
            measured,
            there,
            name=compared.name,
            implementation=f"{compared.implementation}: {words_of(compared.loop)}",
        )
    summary = summarise(model, rows, settings, courses, tokens=tokens, comparison=comparison)
    return StackPart(
        label=Label(source=model.name, index=0),
        name=model.name,
        rows=rows,
        findings=findings_of(model, rows, summary, tokens),
        model=model,
        measured=measured,
        courses=courses,
        summary=summary,
        token_rows=tuple(token_row(site) for site in tokens.sites) if tokens is not None else (),
        difference_rows=found,
        files=model.files + (compared.files if compared is not None else ()),
    )


def _measured(
    model: Model, settings: StackSettings, progress: Progress
) -> tuple[MeasuredSite, ...]:
    found = []
    for done, site in enumerate(model.sites, 1):
        found.append(measure_site(site, model.loop, settings.rule))
        progress("stack", done, len(model.sites))
    return tuple(found)
