"""Adapter of the rule composite: flattens the stack of layers and finishes the picture."""

import time

from strata import builds, compositing, layers
from strata.painting import title
from strata.progress import logged

started = time.time()
with logged(snakemake.log[0], title(snakemake.output.picture)):
    spec = snakemake.params.spec
    size = spec["width"], spec["height"]
    stack = [
        compositing.Layer(
            layers.read(path, "RGBA", size),
            opacity=entry["opacity"],
            blur=entry["blur"],
            blend=entry["blend"],
            position=tuple(entry["position"]),
        )
        for path, entry in zip(snakemake.input.stack, spec["stack"], strict=True)
    ]
    picture = compositing.finish(compositing.flatten(size, stack), **spec["finish"])
    layers.write(snakemake.output.picture, picture)
    builds.record(snakemake.output.picture, "composited", started)
