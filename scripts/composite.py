"""The rule composite: flattens the stack of layers, blurs what is out of focus, and finishes the picture."""

from strata.imaging import compositing, depth, png, provenance, stacks
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    spec, files, size, read = job.spec, snakemake.input.stack, job.size, job.reader.read
    distance = depth.read(spec["depth"], size, read, *snakemake.input.depth) if spec["depth"] else None
    picture = compositing.flatten(size, stacks.read(spec["stack"], files, size, read, distance))
    if spec["depth_of_field"]:
        picture = depth.defocus(picture, distance, spec["depth_of_field"])
    chunks = provenance.describe_picture(spec["scene"], [entry["layer"] for entry in spec["stack"]], files)
    png.write(job.layer, compositing.finish(picture, **spec["finish"]), chunks)
    job.finish("composited")
