"""The rule sweep: the contact sheet of a sweep, and the table of the values behind its cells."""

from strata.files import replacing
from strata.imaging import contact_sheets, png
from strata.workflow.job import running

with running(snakemake, snakemake.output.sheet) as job:
    spec, files = job.spec, list(snakemake.input.pictures)
    labels = [[f"{key} {value}" for key, value in cell.items()] for cell in spec["cells"]]
    sheet = contact_sheets.make_sheet(
        (png.read_rgb(file, job.reader.read) for file in files), labels, spec["columns"], spec["width"]
    )
    with replacing(snakemake.output.table) as file:
        file.write(contact_sheets.make_table(spec["cells"], files).encode())
    png.write(job.layer, sheet)
    job.finish("laid out", work=len(files))
