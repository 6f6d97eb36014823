"""The rule composite: flattens the stack of layers and finishes the picture."""

from strata.imaging import compositing, png, stacks
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    stack = stacks.read(job.spec["stack"], snakemake.input.stack, job.size, job.reader.read)
    png.write(job.layer, compositing.finish(compositing.flatten(job.size, stack), **job.spec["finish"]))
    job.finish("composited")
