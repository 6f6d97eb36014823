"""The scenes of the working directory as the studio reads and saves them. Their files are the only truth."""

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from strata.errors import StrataError
from strata.files import replacing
from strata.models.reference import Known
from strata.scene.edits import Edit, apply
from strata.scene.scene_files import SceneFile
from strata.scene.scenes import Scenes, read_runtime
from strata.state import MODEL_DIGESTS, STUDIO
from strata.yaml_files import parse_yaml

CONFIG = "config.yaml"
SCENES = Path("scenes")

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""Of a scene: the name of a file in scenes/."""


class ConflictError(StrataError):
    """The file was changed by somebody else since it was read."""


@dataclass(frozen=True)
class ReadFile:
    """A scene's file as it was read.

    Attributes:
        file: its text and what lies beneath.
        version: the digest of its bytes.
        beneath: that of config.yaml, for a scene that is laid over it.
        ends: how its lines end, for the way back.
    """

    file: SceneFile
    version: str
    beneath: str | None
    ends: str


class Project:
    """The scenes of the working directory.

    A scene goes by its name: empty for config.yaml, else that of its file in scenes/.
    """

    def __init__(self) -> None:
        self.working = threading.Lock()
        """Held while a request looks at scenes: what was found out of models and layers is shared."""
        self._models: Known | None = None

    def names(self) -> list[str]:
        """The names of all scenes."""
        return ["", *sorted(path.stem for path in SCENES.glob("*.yaml"))]

    def path(self, name: str) -> Path:
        """The file of a scene.

        Raises:
            StrataError: there is no scene of that name.
        """
        path = SCENES / f"{name}.yaml" if name else Path(CONFIG)
        if name and (not NAME.fullmatch(name) or not path.is_file()):
            raise StrataError(f"There is no scene {name!r} in {SCENES}/.")
        return path

    def read(self, name: str) -> ReadFile:
        """Reads the file of a scene.

        Raises:
            StrataError: it is not there, or is no text.
        """
        path = self.path(name)
        text, version, ends = _read_text(path)
        base_text, beneath, _ = _read_text(Path(CONFIG)) if name else ("", None, "")
        base = parse_yaml(base_text, CONFIG) or {} if name else None
        if base is not None and not isinstance(base, dict):
            raise StrataError(f"{CONFIG} must hold keys and values. See the scene in it.")
        return ReadFile(SceneFile(path.as_posix(), text, base, self._known(base, text)), version, beneath, ends)

    def scenes(self, name: str, file: SceneFile) -> Scenes:
        """All scenes, with one file as it may be not saved yet.

        Raises:
            StrataError: config.yaml is wrong.
        """
        return Scenes(file.base, unsaved={name: file.own()}) if file.base is not None else Scenes(file.own())

    def save(self, name: str, version: str, edits: Sequence[Edit]) -> str:
        """Writes edits into the file of a scene, whole or not at all.

        Args:
            version: of the file that the edits were made for.

        Returns:
            the version of the file afterwards.

        Raises:
            ConflictError: the file is another one by now.
            StrataError: an edit makes the scene wrong. Nothing is written then.
        """
        STUDIO.mkdir(parents=True, exist_ok=True)
        with self.working, FileLock(STUDIO / "save.lock"):
            read = self.read(name)
            if read.version != version:
                raise ConflictError(
                    f"{read.file.source} was changed since this page read it, by an editor or another tab. "
                    "Look at both, then save again."
                )
            edited = apply(read.file, edits)
            self.check(name, edited)
            content = edited.text.replace("\n", read.ends).encode()
            with replacing(self.path(name)) as file:
                file.write(content)
            return digest(content)

    def check(self, name: str, file: SceneFile) -> Scenes:
        """All scenes with a file that is not saved yet.

        Raises:
            StrataError: something in it is wrong.
        """
        file.scene()
        scenes = self.scenes(name, file)
        for sweep in scenes.sweeps if not name else ():
            scenes.find_sweep(sweep)
        return scenes

    def _known(self, base: Mapping[str, Any] | None, text: str) -> Known:
        """What was found out of models, kept from request to request."""
        if self._models is None:
            config = base if base is not None else parse_yaml(text, CONFIG)
            try:
                trusted = read_runtime(config if isinstance(config, dict) else {}).trust_times
            except StrataError:
                trusted = True
            self._models = Known(MODEL_DIGESTS if trusted else None)
        return self._models


def digest(content: bytes) -> str:
    """The version of a file with some content."""
    return hashlib.sha256(content).hexdigest()[:16]


def _read_text(path: Path) -> tuple[str, str, str]:
    """The text of a file with plain line ends, its version, and how its lines end."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrataError(f"{path} is not text in UTF-8 ({error}). Save it as UTF-8.") from None
    except OSError as error:
        raise StrataError(f"{path} cannot be read: {error.strerror or error}.") from None
    ends = "\r\n" if "\r\n" in text else "\n"
    return text.replace("\r\n", "\n"), digest(content), ends
