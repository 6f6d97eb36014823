"""The rule mask: draws where a subject goes."""

from strata.imaging import masks, png
from strata.workflow.job import running

with running(snakemake, snakemake.output.mask) as job:
    spec = job.spec
    layer = next(iter(snakemake.input.get("layer", ())), None)
    mask = masks.draw(spec["mask"], job.size, spec["scale"], spec["where"], job.reader.read, layer)
    masks.check(mask, spec["cell"], spec["where"])
    png.write(job.layer, mask)
    job.finish("drawn")
