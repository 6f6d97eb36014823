"""The rule mask: draws where a subject goes."""

from strata.imaging import masks, png
from strata.workflow.job import running

with running(snakemake.log[0], snakemake.output.mask, snakemake.params.spec) as job:
    spec = job.spec
    mask = masks.draw(spec["mask"], job.size, spec["scale"], spec["where"])
    masks.check(mask, spec["cell"], spec["where"])
    png.write(job.layer, mask)
    job.record("drawn")
