"""The rule mask: draws where a subject goes."""

from strata.imaging import masks, png
from strata.workflow.job import running

with running(snakemake, snakemake.output.mask) as job:
    spec = job.spec
    layer, found = (next(iter(snakemake.input.get(kind, ())), None) for kind in ("layer", "found"))
    mask = masks.draw(spec["mask"], job.size, spec["scale"], spec["where"], job.reader.read, layer, found)
    masks.check(mask, spec["cell"], spec["where"])
    png.write(job.layer, mask)
    job.finish("drawn")
