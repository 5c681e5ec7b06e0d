"""The group, and the one place where faults become an exit status and a line on standard error."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

import click

from sinkdiag._version import __version__
from sinkdiag.cli.messages import Invocation, Verbosity, fault
from sinkdiag.cli.pages import unknown_command, usage_fault
from sinkdiag.errors import ConflictError, InputError

INTERNAL_ERROR, USAGE, BAD_INPUT, INTERRUPTED = 1, 2, 3, 130


COMMANDS = (
    "anneal",
    "calibrate",
    "check",
    "compare",
    "constants",
    "info",
    "pseudospectrum",
    "report",
    "sensitivity",
    "spectrum",
    "stack",
)


class Commands(click.Group):
    """One module a command, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in alphabetical order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"sinkdiag.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or an error that names the one that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="sinkdiag %(version)s")
@click.option("-q", "--quiet", is_flag=True, help="Only data and errors: no progress, no notes.")
@click.option("-v", "--verbose", is_flag=True, help="More on standard error; tracebacks of bugs.")
@click.pass_context
def group(context: click.Context, quiet: bool, verbose: bool) -> None:
    """Spectral and pseudospectral stability of entropy-regularised optimal transport.

    Data go to standard output, everything else to standard error.

    Exit status: 0 done; 1 internal error; 2 usage; 3 bad input; 4 some row did not
    converge or is below resolution; 5 a --fail-on condition; 130 interrupted.

    \b
    Example:
      sinkdiag check cost.npy
    """
    if quiet and verbose:
        raise click.UsageError("-q and -v exclude each other")
    verbosity = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL
    context.obj = replace(context.obj or Invocation(), verbosity=verbosity)
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; no exception leaves this function."""
    try:
        status = group.main(
            list(arguments),
            prog_name="sinkdiag",
            standalone_mode=False,
            obj=Invocation(arguments=tuple(arguments)),
        )
        if sys.stdout is not None:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The reader has gone (click turns that into SystemExit): nothing to write to anybody.
        return 0
    except (Exception, KeyboardInterrupt) as error:
        return _explain(error, verbose=bool({"-v", "--verbose"} & set(arguments)))
    return status if isinstance(status, int) else 0


def _explain(error: BaseException, *, verbose: bool) -> int:
    """One line on standard error, and the exit status."""
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        fault(usage_fault(error), context.command_path if context else "sinkdiag")
        return USAGE
    if isinstance(error, ConflictError):
        fault(f"--{error.source.replace('_', '-')}: {error.fault}; {error.remedy}")
        return USAGE
    if isinstance(error, InputError):
        fault(str(error))
        return BAD_INPUT
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        fault("interrupted")
        return INTERRUPTED
    if isinstance(error, OSError) and error.filename:
        fault(f"{error.filename}: cannot be used ({error.strerror}); check the path")
        return BAD_INPUT
    if isinstance(error, OSError):
        fault(f"standard input or output cannot be used ({error.strerror}); check where it goes")
        return BAD_INPUT
    if verbose:
        traceback.print_exception(error)
    kind = type(error).__name__
    fault(f"internal error ({kind}: {error}); run with -v for the traceback and report it")
    return INTERNAL_ERROR
