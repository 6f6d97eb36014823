"""The rule composite: flattens the stack of layers and finishes the picture."""

from strata.imaging import compositing, png
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    stack = [
        compositing.Layer(
            png.read(path, "RGBA", job.size, job.reader.read),
            entry["opacity"],
            entry["blur"],
            entry["blend"],
            tuple(entry["position"]),
        )
        for path, entry in zip(snakemake.input.stack, job.spec["stack"], strict=True)
    ]
    png.write(job.layer, compositing.finish(compositing.flatten(job.size, stack), **job.spec["finish"]))
    job.finish("composited")
