"""The rules background, subject, effect, refine, find, depth and check: a layer that a model makes, or that is a picture of your own."""

from strata.painting.paint import paint
from strata.painting.request import Request
from strata.passes import GUIDES
from strata.workflow.job import running

with running(snakemake, snakemake.output.layer) as job:
    mask = next(iter(snakemake.input.get("mask", ())), None)
    if "model" not in job.spec:
        from strata.imaging import drawing, png  # here: a pass that a worker paints needs no picture in this process

        png.write(job.layer, drawing.draw(job.spec, job.reader.read, mask))
        job.finish("drawn")
    else:
        plate = tuple(file for kind in ("plate", "image", "depth") for file in snakemake.input.get(kind, ()))
        guides = dict(zip(filter(job.spec.get, GUIDES), snakemake.input.get("guides", ()), strict=True))
        request = Request(job.spec, job.layer, snakemake.params.runtime, plate=plate, mask=mask, guides=guides)
        done = paint(request, job.log)
        job.reader.digests.update(done.consumed)
    if verdict := snakemake.output.get("verdict"):
        from strata.imaging import verdicts

        verdicts.write(verdict, job.spec, job.layer, snakemake.input.plate[-1])
