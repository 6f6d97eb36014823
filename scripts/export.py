"""The rules psd, openraster and view: the layers of a finished scene in one file, for other programs and as a page."""

from strata.exports import openraster, psd, stack, view
from strata.files import replacing
from strata.imaging import png
from strata.painting.history import find_seconds
from strata.workflow.exporting import exporting

with exporting(snakemake) as job:
    files = list(snakemake.input.stack)
    depth = next(iter(snakemake.input.get("depth", ())), None)
    picture = stack.read(job.spec, snakemake.input.picture, files, job.reader.read, depth)
    if job.layer.endswith(".html"):
        pairs = zip((layer.name for layer in picture.layers), map(find_seconds, files), strict=True)
        seconds = {name: took for name, took in pairs if took is not None}
        others = [png.read_rgb(file, job.reader.read) for file in snakemake.input.compared]
        compared = list(zip(job.spec["compared"], others, strict=True))
        content = view.encode(picture, job.spec["title"], seconds, compared)
    else:
        content = (psd if job.layer.endswith(".psd") else openraster).encode(picture)
    with replacing(job.layer) as file:
        file.write(content)
