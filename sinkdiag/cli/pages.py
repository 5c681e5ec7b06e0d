"""Help pages: the options that matter first, those of every command in groups below."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import click

# What stands below, by the name of the option; everything else is the command's own.
_GROUPS = {
    "Input": ("layout", "score", "marginals", "points", "metric", "eps_unit", "max_memory"),
    "Many matrices": ("jobs", "scheduler", "shard", "keep_going", "resume"),
    "Accuracy": ("tol", "max_iter", "seed", "norm", "additive", "modes"),
    "Output": ("format", "manifest", "extended", "fail_on", "columns", "help"),
}
_GROUP_OF = {name: group for group, names in _GROUPS.items() for name in names}
# Options of the program, which stand before the command.
_EARLY = {"-v": "-v", "--verbose": "-v", "-q": "-q", "--quiet": "-q"}


class Page(click.Command):
    """A command whose help has its own options first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group that the command has options of."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Options", *_GROUPS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            # Some versions of click list arguments too, which the first line shows already.
            if record is not None and isinstance(parameter, click.Option):
                group = _GROUP_OF.get(parameter.name or "", "Options")
                sections[group].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def unknown_command(name: str, known: Sequence[str]) -> click.UsageError:
    """The error of a command that does not exist, with the one that was probably meant."""
    close = difflib.get_close_matches(name.lower(), known, n=1)
    if close:
        return click.UsageError(f"no command {name!r}; did you mean {close[0]}?")
    if "." in name or "/" in name:
        return click.UsageError(f"{name!r} is no command; try: sinkdiag check {name}")
    return click.UsageError(f"no command {name!r}; there are {', '.join(known)}")


def usage_fault(error: click.ClickException) -> str:
    """What a usage error says, with a hint for options of the program behind the command."""
    text = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.option_name in _EARLY:
        return f"{text.rstrip('.')}: it stands before the command, sinkdiag " + (
            f"{_EARLY[error.option_name]} COMMAND"
        )
    return text
