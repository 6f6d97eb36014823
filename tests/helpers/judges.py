"""Other programs as judges of layered files: what they make of one is compared with what the library says it shows.

python -m helpers.judges, in tests/ with PYTHONPATH=.:../scripts, prints the table of docs/exports.md.
"""

import functools
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.exported import MODES, NO_FINISH, READERS, in_each_mode, typical
from strata.exports.stack import Picture

KRITA = shutil.which("krita") and shutil.which("xvfb-run") and "krita"
GIMP = shutil.which("gimp-console") or shutil.which("gimp")

TIMEOUT = 240

ATTEMPTS = 3
"""The display of the run before may still be closing when xvfb-run takes its number again."""

GIMP_SCRIPT = """
(define (convert from to)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE from from)))
         (layer (car (gimp-image-flatten image))))
    (file-png-save RUN-NONINTERACTIVE image layer to to 0 1 0 0 0 0 0)
    (gimp-image-delete image)))
"""


@functools.cache
def make_home() -> tempfile.TemporaryDirectory:
    """A home for all runs, so that nothing of the user's is read or written, and a program sets itself up only once."""
    return tempfile.TemporaryDirectory()


def run(command: list[str]) -> str:
    home = make_home().name
    environment = os.environ | {"HOME": home, "XDG_RUNTIME_DIR": home, "LC_ALL": "C.UTF-8"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
    )
    return done.stdout + done.stderr


def convert(content: bytes, suffix: str, by: Callable[[Path, Path], str]) -> Image.Image:
    """What a program shows of a file, "RGB", given what calls it with the file and the PNG that it is to write."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"judged.{suffix}", Path(folder) / "shown.png"
        source.write_bytes(content)
        said = by(source, target)
        assert target.exists(), said
        return read(target)


def run_krita(source: Path, target: Path) -> str:
    """Krita needs a display, which Xvfb is."""
    for _ in range(ATTEMPTS):
        said = run(["xvfb-run", "-a", "krita", "--export", "--export-filename", str(target), str(source)])
        if "could not connect to display" not in said:
            break
    return said


def run_gimp(source: Path, target: Path) -> str:
    return run([str(GIMP), "-i", "-d", "-f", "-b", f'{GIMP_SCRIPT}(convert "{source}" "{target}")(gimp-quit 0)'])


def by_krita(content: bytes, suffix: str) -> Image.Image:
    return convert(content, suffix, run_krita)


def by_gimp(content: bytes, suffix: str) -> Image.Image:
    return convert(content, suffix, run_gimp)


def by_psd_tools(content: bytes, suffix: str) -> Image.Image:
    """What psd-tools makes of a PSD by its own compositing, "RGB"."""
    from psd_tools import PSDImage

    return PSDImage.open(io.BytesIO(content)).composite(force=True).convert("RGB")


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


@dataclass(frozen=True)
class Judge:
    """A program that reads a format.

    Attributes:
        format: a key of exported.READERS.
        is_there: whether it is installed.
        limits: the largest error in levels in each mode that is not what `limit` says.
    """

    name: str
    format: str
    suffix: str
    render: Callable[[bytes, str], Image.Image]
    is_there: bool
    limit: int
    limits: dict[str, int]

    def measure(self, picture: Picture) -> int:
        """The largest error in levels against the layers' own flattening."""
        return int(self._find_errors(picture).max())

    def measure_modes(self) -> dict[str, int]:
        """The largest error of each blend mode."""
        tiles = np.split(self._find_errors(in_each_mode()), len(MODES), axis=1)
        return {mode: int(tile.max()) for mode, tile in zip(MODES, tiles, strict=True)}

    def show(self, picture: Picture) -> Image.Image:
        """What it makes of an exported picture, "RGB"."""
        encode, _ = READERS[self.format]
        return self.render(encode(picture), self.suffix)

    def _find_errors(self, picture: Picture) -> np.ndarray:
        """In levels, shape (height, width, 3)."""
        return np.abs(np.asarray(self.show(picture)).astype(int) - np.asarray(picture.flat))


JUDGES = {
    judge.name: judge
    for judge in (
        Judge("Krita, OpenRaster", "openraster", "ora", by_krita, bool(KRITA), 1, {}),
        Judge("Krita, PSD", "psd", "psd", by_krita, bool(KRITA), 1, {"soft_light": 15}),
        Judge("GIMP, PSD", "psd", "psd", by_gimp, bool(GIMP), 1, {"soft_light": 25, "add": 63}),
        Judge("psd-tools, PSD", "psd", "psd", by_psd_tools, True, 1, {}),
    )
}


def main() -> None:
    """Prints the table: a row for each mode, a column for each judge."""
    scene = "a typical stack of five"
    judges = [judge for judge in JUDGES.values() if judge.is_there]
    columns = [judge.measure_modes() | {scene: judge.measure(typical(finish=NO_FINISH))} for judge in judges]
    print(f"| mode | {' | '.join(judge.name for judge in judges)} |")
    print(f"| --- |{' --- |' * len(judges)}")
    for row in (*MODES, scene):
        print(f"| {row} | {' | '.join(str(column[row]) for column in columns)} |")


if __name__ == "__main__":
    main()
