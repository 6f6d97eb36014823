"""Contact sheets: pictures side by side, each with its label."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

PAPER, INK = (24, 24, 24), (230, 230, 230)
GAP = 8  # pixels between pictures
LINE = 16  # pixels a line of a label takes


def make_sheet(
    pictures: Iterable[Image.Image], labels: Sequence[Sequence[str]], columns: int, width: int
) -> Image.Image:
    """Returns the pictures in rows, "RGB".

    Args:
        pictures: "RGB"; they may differ in size.
        labels: the lines beneath each picture; what is too long is cut off.
        columns: the pictures in a row.
        width: of each picture on the sheet in pixels; the height follows.
    """
    small = [
        image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS) for image in pictures
    ]
    lines = max(map(len, labels))
    cell = width + GAP, max(image.height for image in small) + lines * LINE + GAP
    rows = -(-len(small) // columns)
    paper = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), PAPER)
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(size=LINE - 4)
    for cell_index, (image, label) in enumerate(zip(small, labels, strict=True)):
        left, top = GAP + cell_index % columns * cell[0], GAP + cell_index // columns * cell[1]
        paper.paste(image, (left, top))
        for number, line in enumerate(label):
            draw.text((left, top + image.height + number * LINE), _shorten(line, font, width), INK, font)
    return paper


def make_table(cells: Sequence[Mapping[str, object]], pictures: Sequence[str]) -> str:
    """The values behind the cells of a sheet, and the file of each picture, as tab-separated lines with a head."""
    table = io.StringIO()
    rows = csv.writer(table, delimiter="\t", lineterminator="\n")
    rows.writerow(["cell", *cells[0], "picture"])
    for number, (cell, picture) in enumerate(zip(cells, pictures, strict=True), start=1):
        rows.writerow([number, *cell.values(), picture])
    return table.getvalue()


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    count = next(count for count in range(len(text), -1, -1) if font.getlength(f"{text[:count]}…") <= width)
    return f"{text[:count]}…"
