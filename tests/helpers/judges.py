"""Other programs as judges of layered files: what they make of one is compared with what the library says it shows.

python -m helpers.judges, in tests/ with PYTHONPATH=.:../scripts, prints the table of docs/exports.md.
"""

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


def run(command: list[str], home: Path) -> str:
    """Runs a program with a home of its own, so that nothing of the user's is read or written."""
    environment = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "LC_ALL": "C.UTF-8"}
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
    )
    return done.stdout + done.stderr


def by_krita(contents: list[bytes], suffix: str) -> list[Image.Image]:
    """What Krita shows of files, "RGB". It needs a display, which Xvfb is."""
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for content in contents:
            source, target = home / f"judged.{suffix}", home / "shown.png"
            source.write_bytes(content)
            target.unlink(missing_ok=True)
            command = ["xvfb-run", "-a", "krita", "--export", "--export-filename", str(target), str(source)]
            for _ in range(ATTEMPTS):
                said = run(command, home)
                if "could not connect to display" not in said:
                    break
            assert target.exists(), said
            pictures.append(read(target))
    return pictures


def by_gimp(contents: list[bytes], suffix: str) -> list[Image.Image]:
    """What GIMP shows of files, "RGB"; one process converts all of them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        calls = []
        for number, content in enumerate(contents):
            (home / f"{number}.{suffix}").write_bytes(content)
            calls.append(f'(convert "{home}/{number}.{suffix}" "{home}/{number}.png")')
        script = f"{GIMP_SCRIPT}{' '.join(calls)}(gimp-quit 0)"
        said = run([str(GIMP), "-i", "-d", "-f", "-b", script], home)
        assert all((home / f"{number}.png").exists() for number in range(len(contents))), said
        return [read(home / f"{number}.png") for number in range(len(contents))]


def by_psd_tools(contents: list[bytes], suffix: str) -> list[Image.Image]:
    """What psd-tools makes of PSDs by its own compositing, "RGB"."""
    from psd_tools import PSDImage

    documents = [PSDImage.open(io.BytesIO(content)) for content in contents]
    return [document.composite(force=True).convert("RGB") for document in documents]


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
    render: Callable[[list[bytes], str], list[Image.Image]]
    is_there: bool
    limit: int
    limits: dict[str, int]

    def measure(self, pictures: list) -> list[int]:
        """The largest error in levels against the layers' own flattening, for each picture."""
        from helpers.exported import READERS

        encode, _ = READERS[self.format]
        shown = self.render([encode(picture) for picture in pictures], self.suffix)
        return [
            int(np.abs(np.asarray(image).astype(int) - np.asarray(picture.flat)).max())
            for image, picture in zip(shown, pictures, strict=True)
        ]


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
    from helpers.exported import MODES, NO_FINISH, in_mode, typical

    rows = [*MODES, "a typical stack of five"]
    pictures = [*map(in_mode, MODES), typical(finish=NO_FINISH)]
    judges = [judge for judge in JUDGES.values() if judge.is_there]
    columns = [judge.measure(pictures) for judge in judges]
    print(f"| mode | {' | '.join(judge.name for judge in judges)} |")
    print(f"| --- |{' --- |' * len(judges)}")
    for name, *errors in zip(rows, *columns, strict=True):
        print(f"| {name} | {' | '.join(map(str, errors))} |")


if __name__ == "__main__":
    main()
