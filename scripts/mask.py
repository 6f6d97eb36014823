"""Adapter of the rule mask: draws where a subject goes."""

import time

from strata import builds, layers, masks
from strata.painting import title
from strata.progress import logged

started = time.time()
with logged(snakemake.log[0], title(snakemake.output.mask)):
    spec = snakemake.params.spec
    mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
    masks.check(mask, spec["cell"], spec["where"])
    layers.write(snakemake.output.mask, mask)
    builds.record(snakemake.output.mask, "drawn", started)
