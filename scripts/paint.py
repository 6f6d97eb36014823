"""The rules background, subject and effect: paints a layer. An effect may be an image, which no model paints."""

from strata.painting.paint import paint
from strata.painting.request import Request
from strata.workflow.job import running

with running(snakemake.log[0], snakemake.output.layer, snakemake.params.spec) as job:
    if job.spec["task"] == "image":
        from strata.imaging import effects, png  # here: a pass that a worker paints needs no picture in this process

        png.write(job.layer, effects.from_image(job.spec))
        job.record("drawn")
    else:
        plate, mask = tuple(snakemake.input.get("plate", ())), snakemake.input.get("mask")
        paint(Request(job.spec, job.layer, snakemake.params.runtime, plate=plate, mask=mask), job.log)
