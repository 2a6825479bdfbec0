"""`python -m populace` is the command line."""

from populace.cli import main

main()
