"""The rules background, subject and effect: paints a layer. An effect may be an image, which no model paints."""

from strata.painting.paint import paint
from strata.painting.request import Request
from strata.workflow.job import running

with running(snakemake, snakemake.output.layer) as job:
    if job.spec["task"] == "image":
        from strata.imaging import effects, png  # here: a pass that a worker paints needs no picture in this process

        png.write(job.layer, effects.from_image(job.spec, job.reader.read))
        job.finish("drawn")
    else:
        plate, mask = tuple(snakemake.input.get("plate", ())), snakemake.input.get("mask")
        done = paint(Request(job.spec, job.layer, snakemake.params.runtime, plate=plate, mask=mask), job.log)
        job.reader.digests.update(done.consumed)
