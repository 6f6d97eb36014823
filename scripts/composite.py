"""Adapter of the rule composite: flattens the stack of layers and finishes the picture."""

import time

from strata import builds, compositing, layers
from strata.attempts import attempted
from strata.progress import logged

started = time.time()
final = snakemake.output.picture
with logged(snakemake.log[0], final), attempted(final, snakemake.params.spec) as spec:
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
    layers.write(final, picture)
    builds.record(final, "composited", started)
