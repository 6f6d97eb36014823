"""Adapter of the rules that paint: background, subject and effect."""

from strata.painting import paint, title
from strata.progress import logged
from strata.requests import Request

with logged(snakemake.log[0], title(snakemake.output.layer)) as log:
    paint(
        Request(
            spec=snakemake.params.spec,
            layer=snakemake.output.layer,
            # Read from the config and not from params: how a job runs must not paint anything again.
            runtime=snakemake.config["runtime"],
            attempt=snakemake.resources.attempt,
            plate=tuple(snakemake.input.get("plate", ())),
            mask=snakemake.input.get("mask"),
        ),
        log,
    )
