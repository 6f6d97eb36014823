"""The rule psd: the layers of a finished scene in one file, for Photoshop, Krita, GIMP and others."""

from strata.exports import psd, stack
from strata.files import replacing
from strata.workflow.exporting import exporting

with exporting(snakemake) as job:
    picture = stack.read(job.spec, snakemake.input.picture, list(snakemake.input.stack), job.reader.read)
    with replacing(job.layer) as file:
        file.write(psd.encode(picture))
