"""The command line.

Exit codes: 0 done, 1 a mistake in what was given, 2 wrong usage, 70 a fault in populace, 130 interrupted (resumable).

Commands import what they need when they run, so that `--help` and completion answer at once. A file per group of them:
`doctor`, `label`, `look`, `models`, `play`, `read`, `train`; importing this package registers them all.
"""

import errno
import sys
from contextlib import suppress

import typer

from populace.cli import doctor, label, look, models, play, read, train
from populace.cli.application import app, print_error
from populace.cli.quiet import quiet_libraries
from populace.errors import PopulaceError, Stopped
from populace.imports import leave_working_folder

__all__ = ["app", "doctor", "label", "look", "main", "models", "play", "read", "train"]


def main() -> None:
    """Run the command line and turn mistakes into one plain line and an exit code."""
    as_json = "--json" in sys.argv
    leave_working_folder()
    quiet_libraries()
    try:
        app()
    except PopulaceError as error:
        print_error(error, as_json)
        sys.exit(130 if isinstance(error, Stopped) else 1)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if error.errno not in _SYSTEM:
            _crash()
        with suppress(OSError):  # the terminal may be gone
            print_error(PopulaceError(f"the system refuses {error.filename or 'output'}: {error.strerror}"), as_json)
        sys.exit(1)
    except Exception:
        _crash()


_SYSTEM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""Errors of the operating system where something is written (no space, no permission): not faults in populace."""


def _crash() -> None:
    import traceback

    traceback.print_exc()
    typer.echo("This is a fault in populace, not in your input; please report it.", err=True)
    sys.exit(70)
