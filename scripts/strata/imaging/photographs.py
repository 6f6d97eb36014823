"""A background that is a picture of the user's own."""

from PIL import Image

from strata.files import ReadFile, read_file
from strata.imaging import compositing, pictures
from strata.passes import ImageToImage, Photograph


def draw(spec: Photograph | ImageToImage, read_file: ReadFile = read_file) -> Image.Image:
    """The picture in a file, fitted to the canvas: "RGB". What is transparent shows black, as beneath any stack.

    A picture in sRGB that has the canvas's size comes out as it is, bit for bit.

    spec  `image` (a path), `fit` (see pictures.fit()), `width` and `height` in rendered pixels, and `where`, the layer's
          key, for sentences.

    Raises StrataError for a file that cannot be read.
    """
    size = spec["width"], spec["height"]
    image = pictures.read_colors(spec["image"], f"{spec['where']}.image", "give a prompt", read_file)
    return compositing.flatten(size, [compositing.Layer(pictures.fit(image, size, spec["fit"]))])
