"""The rule composite: flattens the stack of layers and finishes the picture."""

from strata.imaging import compositing, png, provenance, stacks
from strata.workflow.job import running
from strata.yaml_files import parse_yaml

with running(snakemake, snakemake.output.picture) as job:
    entries, files = job.spec["stack"], snakemake.input.stack
    flat = compositing.flatten(job.size, stacks.read(entries, files, job.size, job.reader.read))
    scene = parse_yaml(job.reader.read(snakemake.input.scene).decode(), snakemake.input.scene)
    chunks = provenance.describe_picture(scene, [entry["layer"] for entry in entries], files)
    png.write(job.layer, compositing.finish(flat, **job.spec["finish"]), chunks)
    job.finish("composited")
