"""ICC profiles for tests."""

from PIL import ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swap_red_and_green() -> bytes:
    """The profile of a device whose red is sRGB's green, and the other way round."""
    swapped = SRGB
    for kind in (b"XYZ", b"TRC"):
        marks = b"r" + kind, b"g" + kind
        assert all(swapped.count(mark) == 1 for mark in marks)
        swapped = swapped.replace(marks[0], b"????").replace(marks[1], marks[0]).replace(b"????", marks[1])
    return swapped
