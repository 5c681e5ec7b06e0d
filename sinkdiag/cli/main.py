"""The group, and the one place where faults become an exit status and a line on standard error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from sinkdiag._version import __version__
from sinkdiag.cli.calibrate import calibrate
from sinkdiag.cli.constants import constants
from sinkdiag.cli.messages import Verbosity, problem
from sinkdiag.cli.pseudospectrum import pseudospectrum
from sinkdiag.cli.sensitivity import sensitivity
from sinkdiag.cli.spectrum import spectrum
from sinkdiag.errors import InputError

INTERNAL_ERROR, USAGE, BAD_INPUT, INTERRUPTED = 1, 2, 3, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="sinkdiag %(version)s")
@click.option("-q", "--quiet", is_flag=True, help="Only data and errors: no progress, no notes.")
@click.option("-v", "--verbose", is_flag=True, help="More on standard error; tracebacks of bugs.")
@click.pass_context
def group(context: click.Context, quiet: bool, verbose: bool) -> None:
    """Spectral and pseudospectral stability of entropy-regularised optimal transport.

    Data go to standard output, everything else to standard error.

    \b
    Exit status: 0 done; 1 internal error; 2 usage; 3 bad input; 4 some row did not
    converge or is below resolution; 5 a --fail-on condition; 130 interrupted.

    \b
    Example:
      sinkdiag calibrate cost.npy
    """
    if quiet and verbose:
        raise click.UsageError("-q and -v exclude each other")
    context.obj = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL


group.add_command(calibrate)
group.add_command(constants)
group.add_command(sensitivity)
group.add_command(pseudospectrum)
group.add_command(spectrum)


def main() -> None:
    """Entry point of the ``sinkdiag`` script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; no exception leaves this function."""
    try:
        status = group.main(list(arguments), prog_name="sinkdiag", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        problem(error.format_message(), context.command_path if context else "sinkdiag")
        return USAGE
    except InputError as error:
        problem(str(error))
        return BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        problem("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader has gone (click turns that into SystemExit): nothing to say, and Python's own
        # flush at exit must not say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        problem(f"standard input or output cannot be used ({error.strerror}); check where it goes")
        return BAD_INPUT
    except Exception as error:
        if "-v" in arguments or "--verbose" in arguments:
            traceback.print_exc()
        kind = type(error).__name__
        problem(f"internal error ({kind}: {error}); run with -v for the traceback and report it")
        return INTERNAL_ERROR
    return status if isinstance(status, int) else 0
