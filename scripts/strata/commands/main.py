"""The command `strata <verb>`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

import strata
from strata.exits import sentences

VERBS = {
    "live": "build again whenever the config or a file that it names is saved",
    "studio": "open a local page to see a scene, edit it, and watch it paint",
    "plan": "say what a build would do, why, and how long it will take",
    "pick": "write the values of one picture of a sweep into its scene",
    "restore": "print or write the scene that a finished picture was built from",
    "decompose": "take a picture apart into layers, as a new scene",
    "diff": "say what differs between two pictures, scenes, variations or commits' configs",
    "fetch": "fetch the models on the hub, and lock them to a commit",
    "tidy": "list the files under results/ that no scene names any more, or remove them",
    "store": "list, check or trim the store of finished passes",
    "worker": "look at the worker that keeps models loaded, or stop it",
}

FOR_SNAKEMAKE = ("live", "fetch")
"""The verbs that hand what they do not know themselves to Snakemake."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one verb. A StrataError ends the process with its sentence and the exit code 1."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="strata", description="Layered pictures, built by Snakemake.")
    parser.add_argument("--version", action="version", version=f"strata {strata.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="verb", required=True)
    for name, summary in VERBS.items():
        verbs.add_parser(name, help=summary, add_help=False)
    verb = parser.parse_args(arguments[:1]).verb

    module = importlib.import_module(f"strata.commands.{verb}")  # this one alone: some import Snakemake
    of_verb = argparse.ArgumentParser(
        prog=f"strata {verb}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(of_verb)
    chosen, rest = of_verb.parse_known_args(arguments[1:])
    if rest and verb not in FOR_SNAKEMAKE:
        of_verb.error(f"unrecognized arguments: {' '.join(rest)}")
    chosen.snakemake = rest
    with sentences():
        module.run(chosen)
