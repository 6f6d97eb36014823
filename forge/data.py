"""Training data on disk: pictures as latents in bytes, with the concepts that each one shows."""

import argparse
from collections.abc import Callable
from multiprocessing import Pool
from pathlib import Path
from random import Random

import numpy as np

from forge import latents, settings
from forge.drawing import draw
from forge.masks import FEATHER, Mask, hard, inside, nearest_cells, random_mask
from forge.scenes import Fog, Scene, random_fog, random_scene
from forge.subjects import COLORS, KINDS, paint, place
from forge.vocabulary import NUMBER

CONCEPT_SLOTS = 10
SHRINK = 4
"""Pictures for training are drawn at a quarter of the canvas's size."""

DRAWN_CELL = latents.CELL // SHRINK
"""A cell in pixels of such a drawing."""

FOG_SHARE = 12
"""One picture in this many is fog."""


def concept_row(names: tuple[str, ...]) -> np.ndarray:
    """Return the numbers of some concepts, filled up with zeros to `CONCEPT_SLOTS`."""
    row = np.zeros(CONCEPT_SLOTS, np.uint8)
    row[: len(names)] = [NUMBER[name] for name in names]
    return row


def landscape(seed: int) -> Scene | Fog:
    """Return the picture that a seed stands for in the training set."""
    return random_fog(seed) if seed % FOG_SHARE == 0 else random_scene(seed)


def landscape_sample(job: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw one picture, given (seed, width, height in cells): its latents in bytes, and its row of concepts."""
    seed, width, height = job
    scene = landscape(seed)
    picture = draw(scene, width * DRAWN_CELL, height * DRAWN_CELL)
    return latents.to_bytes(latents.encode(picture, DRAWN_CELL)), concept_row(scene.concepts)


def subject_sample(job: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw one subject in its mask, given (seed, width, height in cells).

    Returns the latents with the subject and those of the masked plate (bytes), the mask as the model sees it (1 where it
    paints), and the row of concepts.
    """
    seed, width, height = job
    rng = Random(f"subject {seed}")
    scene = random_scene(rng.randrange(10**9), hold_out=False)
    size = (width * DRAWN_CELL, height * DRAWN_CELL)
    picture = draw(scene, *size)
    for _ in range(rng.choice((0, 0, 1))):  # an earlier subject, part of the plate
        picture = with_subject(picture, random_mask(rng, width, height), *random_subject(rng), scene)
    mask, (kind, color) = random_mask(rng, width, height), random_subject(rng)
    painted = with_subject(picture, mask, kind, color, scene)
    shown = hard(mask, *size, SHRINK, FEATHER + rng.uniform(-4, 4))
    plate = np.where(shown[..., None], np.float32(0.5), picture)
    cells = [latents.to_bytes(latents.encode(part, DRAWN_CELL)) for part in (painted, plate)]
    return *cells, nearest_cells(shown, DRAWN_CELL)[None], concept_row((kind, color, *scene.concepts))


def random_subject(rng: Random) -> tuple[str, str]:
    """Draw a kind of subject and its colour."""
    return rng.choice(list(KINDS)), rng.choice(list(COLORS))


def with_subject(picture: np.ndarray, mask: Mask, kind: str, color: str, scene: Scene) -> np.ndarray:
    """Return a picture of a scene with a subject in a mask."""
    height, width = picture.shape[:2]
    shrink = max(1, height // 64)  # a coarse mask is enough to find the subject's place
    box = place(kind, mask.box, inside(mask, width // shrink, height // shrink, 1))
    return paint(picture, kind, color, box, scene)


def write(folder: Path, names: tuple[str, ...], draw_sample: Callable, jobs: list, processes: int) -> None:
    """Draw one sample a job, in parallel, and store the parts of all samples as `<name>.npy`, one array a name."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: list[np.ndarray] = []
    with Pool(processes) as pool:
        for number, parts in enumerate(pool.imap(draw_sample, jobs, chunksize=32)):
            if not arrays:
                arrays = [
                    np.lib.format.open_memmap(folder / f"{name}.npy", "w+", part.dtype, (len(jobs), *part.shape))
                    for name, part in zip(names, parts, strict=True)
                ]
            for array, part in zip(arrays, parts, strict=True):
                array[number] = part
    for array in arrays:
        array.flush()


def full_picture(job: tuple[int, int, int]) -> np.ndarray:
    """Draw one picture at full size, given (seed, width, height in pixels), mostly with subjects: uint8 (height, width, 3)."""
    seed, width, height = job
    rng = Random(f"picture {seed}")
    scene = landscape(rng.randrange(10**9))
    picture = draw(scene, width, height)
    for _ in range(0 if isinstance(scene, Fog) else rng.choice((0, 2, 3, 4))):
        mask = random_mask(rng, width // latents.CELL, height // latents.CELL)
        picture = with_subject(picture, mask, *random_subject(rng), scene)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def write_pictures(path: Path, count: int, canvas: tuple[int, int], processes: int) -> None:
    """Draw pictures at full size, in parallel, into one array on disk: uint8 (count, height, width, 3)."""
    width, height = canvas
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = np.lib.format.open_memmap(path, "w+", np.uint8, (count, height, width, 3))
    with Pool(processes) as pool:
        jobs = ((seed, width, height) for seed in range(count))
        for number, picture in enumerate(pool.imap(full_picture, jobs, chunksize=8)):
            pictures[number] = picture
    pictures.flush()


KINDS_OF_DATA = {
    "landscapes": (("latents", "concepts"), landscape_sample),
    "subjects": (("latents", "plate", "mask", "concepts"), subject_sample),
}


def main() -> None:
    """Draw the pictures that one of the trainings learns from."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("kind", choices=(*KINDS_OF_DATA, "pictures"))
    parser.add_argument("output", type=Path, help="a folder; for pictures, a file")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    own = settings.load(args.settings)[args.kind]
    if args.kind == "pictures":
        write_pictures(args.output, own["count"], own["canvas"], args.processes)
        return
    names, draw_sample = KINDS_OF_DATA[args.kind]
    jobs = [(seed, own["width"], own["height"]) for seed in range(own["count"])]
    write(args.output, names, draw_sample, jobs, args.processes)


if __name__ == "__main__":
    main()
