"""Adapter of the rule mask: draws where a subject goes."""

import time

from strata import builds, layers, masks
from strata.attempts import attempted
from strata.progress import logged

started = time.time()
layer = snakemake.output.mask
with logged(snakemake.log[0], layer), attempted(layer, snakemake.params.spec) as spec:
    mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
    masks.check(mask, spec["cell"], spec["where"])
    layers.write(layer, mask)
    builds.record(layer, "drawn", started)
