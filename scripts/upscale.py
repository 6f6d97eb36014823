"""The rule upscale: makes the final picture larger, by a model only if the scene asks for one."""

from strata.imaging.provenance import carry
from strata.painting.paint import paint
from strata.painting.request import Request
from strata.workflow.job import running

with running(snakemake, snakemake.output.picture) as job:
    if job.spec["method"] == "lanczos":
        from strata.imaging import png, tiles

        final = png.read(snakemake.input.picture, "RGB", job.size, job.reader.read)
        larger = tiles.resample(final, job.spec["factor"])
        png.write(job.layer, larger, png.describe_provenance(job.spec, tiles.VERSIONS))
        job.finish("enlarged")
    else:
        done = paint(Request(job.spec, job.layer, snakemake.params.runtime, plate=(snakemake.input.picture,)), job.log)
        job.reader.digests.update(done.consumed)
    carry(snakemake.input.picture, job.layer)
