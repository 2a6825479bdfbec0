"""What is printed to standard error besides a command's own lines: this library's notices, and nothing from others."""

import logging
import os
import sys
import warnings
from typing import Any

from populace.cli.application import say
from populace.errors import Notice, OldName
from populace.imports import is_users

LIBRARIES = ("huggingface_hub", "httpx", "matplotlib", "numba", "openai", "torch", "torchao", "transformers")
"""Libraries that log; from errors on, they are heard."""


def quiet_libraries() -> None:
    """From now on, print this library's notices and warnings from the user's own code as one plain line each, once.

    Warnings of libraries tell developers about calls that a user did not write, so they are dropped; with `python -W`
    or `PYTHONWARNINGS` all are shown as usual.
    """
    # Read when these libraries are imported, and by processes that are started.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("TORCH_LOGS", "-all")
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
    usual, told = warnings.showwarning, set[str]()

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any, **more: Any
    ) -> None:
        ours = issubclass(category, (OldName, Notice))
        if not ours and sys.warnoptions:
            usual(message, category, filename, lineno, *rest, **more)
        elif (ours or is_users(filename)) and str(message) not in told:
            told.add(str(message))
            say(f"warning: {message}" + ("" if ours else f" ({filename}:{lineno})"), err=True)

    for category in (OldName, Notice):
        warnings.simplefilter("always", category)
    warnings.showwarning = show
