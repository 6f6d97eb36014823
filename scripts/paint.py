"""Adapter of the rules that paint: background, subject and effect."""

from strata.attempts import attempted
from strata.painting import paint
from strata.progress import logged
from strata.requests import Request

layer = snakemake.output.layer
with logged(snakemake.log[0], layer) as log, attempted(layer, snakemake.params.spec) as spec:
    paint(
        Request(
            spec=spec,
            layer=layer,
            # Read from the config and not from params: how a job runs must not paint anything again.
            runtime=snakemake.config["runtime"],
            attempt=snakemake.resources.attempt,
            plate=tuple(snakemake.input.get("plate", ())),
            mask=snakemake.input.get("mask"),
        ),
        log,
    )
