"""``sinkdiag stack``: the projections of a network with hyper-connections, from its checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from sinkdiag.checkpoints.loops import Name, Side, Start
from sinkdiag.checks import MOST_ITERS
from sinkdiag.cli.messages import progress_bar
from sinkdiag.cli.options import InputOptions, OutputOptions, columns_option, output_options
from sinkdiag.cli.outputs import check_output
from sinkdiag.cli.pages import Page
from sinkdiag.cli.publish import publish
from sinkdiag.cli.types import Finite, positive

if TYPE_CHECKING:
    from sinkdiag.checkpoints.verdict import Optimizer

NAMES, STARTS, SIDES = get_args(Name), get_args(Start), get_args(Side)


@click.command(
    cls=Page, short_help="What the hyper-connections of a checkpoint do, layer by layer."
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--implementation",
    type=click.Choice(NAMES),
    help="Whose loop it is. [default: by the names of the tensors]",
)
@click.option(
    "--logits", metavar="REGEX", help="Tensors that hold logits, of an unknown implementation."
)
@click.option(
    "--sweeps",
    "--iters",
    "iters",
    type=click.IntRange(1, MOST_ITERS),
    help="Sweeps of the loop (K). [default: config.json's, or the implementation's]",
)
@click.option("--start", type=click.Choice(STARTS), help="How the loop starts.")
@click.option("--first", type=click.Choice(SIDES), help="Which lines are normalised first.")
@click.option("--denominator", type=Finite(min=0), help="What is added to the sums.")
@click.option("--temperature", type=positive(), help="What logits are divided by.")
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "adam"]),
    default="sgd",
    show_default=True,
    help="When a site is frozen: adam: ‖J‖ < 1e-8; sgd: that, or lr·‖J‖ < u·median|logits|.",
)
@click.option("--lr", type=positive(), default=1e-3, show_default=True, help="Learning rate.")
@click.option(
    "--activations",
    metavar="FILE",
    help="Recorded logits (.npz): one array (tokens, n, n) a site, named as the site.",
)
@click.option("--tokens", metavar="PATH", help="Write what the recorded tokens do to this CSV.")
@click.option("--against", metavar="MODEL", help="Compare with another network.")
@click.option(
    "--against-implementation",
    type=click.Choice(NAMES),
    help="Compare with this loop; without --against on the same logits.",
)
@click.option(
    "--against-sweeps",
    "against_iters",
    type=click.IntRange(1, MOST_ITERS),
    help="Compare with as many sweeps.",
)
@click.option("--against-start", type=click.Choice(STARTS), help="Compare with this start.")
@click.option("--against-first", type=click.Choice(SIDES), help="Compare with this order.")
@click.option(
    "--against-transposed", is_flag=True, help="Compare with mixing by the other transpose."
)
@click.option(
    "--matrices",
    metavar="PATH",
    help="Write matrices, static logits and their bounds to this .npz file, by the sites' keys.",
)
@click.option("--differences", metavar="PATH", help="Write the comparison, site by site, as CSV.")
@output_options
@columns_option("sinkdiag.studies.stack", "StackResult")
def stack(
    *,
    models: tuple[str, ...],
    output: OutputOptions,
    optimizer: Optimizer,
    lr: float,
    activations: str | None,
    tokens: str | None,
    against: str | None,
    matrices: str | None,
    differences: str | None,
    **options: Any,
) -> int:
    """Run every projection of MODEL as its implementation does, and give a verdict on each.

    MODEL is a .safetensors file, a folder of shards (of which only the tensors needed are read),
    logits (L, n, n) as .npy or .npz, or a .pt with torch installed. One row a site: what is left of
    a difference between streams, sums, gradients in three precisions, verdict with cause and
    remedy; over depth the composite of all of them.

    \b
    Examples:
      sinkdiag stack model.safetensors --plot stack.png
      sinkdiag stack folder --against-transposed --differences turned.csv
    """
    from sinkdiag.checkpoints.loops import Choice
    from sinkdiag.studies.stack import StackRow, study_stack
    from sinkdiag.studies.stack_settings import Against, StackSettings

    transposed = options.pop("against_transposed")
    other = Against(choice=Choice(**_taken(options, "against_")), transposed=transposed)
    if matrices is not None and len(models) > 1:
        raise click.UsageError("--matrices takes one MODEL")
    if tokens is not None and activations is None:
        raise click.UsageError("--tokens needs --activations")
    if differences is not None and against is None and not other.is_asked:
        raise click.UsageError("--differences needs --against, or one of --against-…")
    inputs = InputOptions(sources=models, layout=None, score=False, marginals="unit")
    reads = {"activations": activations, "against": against}
    check_output(
        output, StackRow, inputs, reads=reads.values(), writes=[matrices, tokens, differences]
    )
    settings = StackSettings(
        choice=Choice(**options), optimizer=optimizer, lr=lr, extended=output.extended
    )
    with progress_bar() as progress:
        result = study_stack(models, settings, **reads, other=other, progress=progress)
    return publish(
        result,
        output,
        inputs=inputs.reading(*result.files, activations),
        subjects=[],
        settings=settings,
        beside={
            matrices: result.write_matrices,
            tokens: result.write_tokens,
            differences: result.write_differences,
        },
    )


def _taken(options: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The options of a prefix, without it, taken out of the others."""
    names = [name for name in options if name.startswith(prefix)]
    return {name.removeprefix(prefix): options.pop(name) for name in names}
