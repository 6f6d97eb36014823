"""`python -m strata` is the command `strata`."""

from strata.commands.main import main

main()
