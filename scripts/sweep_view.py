"""The rule sweep_view: the pictures of a sweep as a page."""

from strata.exports import sweep_view
from strata.files import replacing
from strata.imaging import png
from strata.workflow.exporting import exporting

with exporting(snakemake) as job:
    pictures = (png.read_rgb(file, job.reader.read) for file in snakemake.input.pictures)
    with replacing(job.layer) as file:
        file.write(sweep_view.encode(job.spec, snakemake.wildcards.sweep, pictures))
