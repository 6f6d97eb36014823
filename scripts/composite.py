"""The rule composite: flattens the stack of layers and finishes the picture."""

from strata.imaging import compositing, png, provenance, stacks
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    entries, files = job.spec["stack"], snakemake.input.stack
    flat = compositing.flatten(job.size, stacks.read(entries, files, job.size, job.reader.read))
    chunks = provenance.describe_picture(job.spec["scene"], [entry["layer"] for entry in entries], files)
    png.write(job.layer, compositing.finish(flat, **job.spec["finish"]), chunks)
    job.finish("composited")
