"""Adapter of the rule sweep: the contact sheet of a sweep, and the table of the values behind its cells."""

import csv
import io

from PIL import Image

from strata import contact_sheets, layers
from strata.attempts import attempted
from strata.files import replacing
from strata.progress import logged

path = snakemake.output.sheet
with logged(snakemake.log[0], path), attempted(path, snakemake.params.spec) as spec:
    pictures = []
    for file in snakemake.input.pictures:
        with Image.open(file) as picture:
            pictures.append(picture.convert("RGB"))
    labels = [[f"{key} {value}" for key, value in cell.items()] for cell in spec["cells"]]
    sheet = contact_sheets.sheet(pictures, labels, spec["columns"], spec["width"])

    table = io.StringIO()
    rows = csv.writer(table, delimiter="\t", lineterminator="\n")
    rows.writerow(["cell", *spec["cells"][0], "picture"])
    for number, (cell, file) in enumerate(zip(spec["cells"], snakemake.input.pictures, strict=True), start=1):
        rows.writerow([number, *cell.values(), file])
    with replacing(snakemake.output.table) as file:
        file.write(table.getvalue().encode())
    layers.write(path, sheet)
