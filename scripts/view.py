"""The rule view: the layers of a finished scene as a page."""

from strata.exports import stack, view
from strata.files import replacing
from strata.imaging import png
from strata.painting.history import find_seconds
from strata.workflow.exporting import exporting

with exporting(snakemake) as job:
    files = list(snakemake.input.stack)
    picture = stack.read(job.spec, snakemake.input.picture, files, job.reader.read)
    names = [layer.name for layer in picture.layers]
    seconds = {name: took for name, file in zip(names, files, strict=True) if (took := find_seconds(file)) is not None}
    others = [png.read_rgb(file, job.reader.read) for file in snakemake.input.compared]
    compared = list(zip(job.spec["compared"], others, strict=True))
    with replacing(job.layer) as file:
        file.write(view.encode(picture, job.spec["title"], seconds, compared))
