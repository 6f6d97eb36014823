"""The rule composite: flattens the stack of layers, blurs what is out of focus, and finishes the picture."""

from strata.imaging import compositing, depth, png, stacks
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    spec, size, read = job.spec, job.size, job.reader.read
    distance = depth.read(spec["depth"], size, read) if spec["depth"] else None
    picture = compositing.flatten(size, stacks.read(spec["stack"], snakemake.input.stack, size, read, distance))
    if spec["depth_of_field"]:
        picture = depth.defocus(picture, distance, spec["depth_of_field"])
    png.write(job.layer, compositing.finish(picture, **spec["finish"]))
    job.finish("composited")
