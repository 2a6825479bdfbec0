"""`python -m populace` is the command line."""

import os
import sys

if __name__ == "__main__":
    # Python has put the working folder first: a stray `pandas.py` there would run in place of the real one.
    here = os.path.realpath(os.getcwd())
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here]

    from populace.cli import main

    main()
