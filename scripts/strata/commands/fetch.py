"""Fetches the models on the hub that the config and the scenes name, and locks them to a commit in models.lock.yaml.

    strata fetch                  the models that are named now
    strata fetch --preset sd15    those of a preset, without an edit of the config

What `snakemake` takes, this takes, too. It runs the target `models`: `snakemake --cores 1 models`.
"""

import argparse

from strata.installation import WORKFLOW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", help="the name of a file in models/, such as sd15")


def run(arguments: argparse.Namespace) -> None:
    from snakemake.cli import main as snakemake

    chosen = ["--config", f"preset={arguments.preset}"] if arguments.preset else []
    snakemake(
        ["--cores", "1", "--snakefile", str(WORKFLOW / "Snakefile"), *chosen, *arguments.snakemake, "--", "models"]
    )
