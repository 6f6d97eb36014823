"""Adapter of the rules that paint: background, subject and effect. An effect may be an image, which nothing paints."""

import time

from strata import builds
from strata.attempts import attempted
from strata.painting import paint
from strata.progress import logged
from strata.requests import Request

started = time.time()
layer = snakemake.output.layer
with logged(snakemake.log[0], layer) as log, attempted(layer, snakemake.params.spec) as spec:
    if spec["task"] == "image":
        from strata import effects, layers  # here: a pass that a worker paints needs no picture in this process

        layers.write(layer, effects.from_image(spec))
        builds.record(layer, "drawn", started)
    else:
        paint(
            Request(
                spec=spec,
                layer=layer,
                # Read from the config and not from params: how a job runs must not paint anything again.
                runtime=snakemake.config["runtime"],
                plate=tuple(snakemake.input.get("plate", ())),
                mask=snakemake.input.get("mask"),
            ),
            log,
        )
