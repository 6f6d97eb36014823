"""What changes while the page is open, as server-sent events: files of scenes, the build, the strip."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from strata.files import find_state
from strata.painting import under_way
from strata.studio import strip
from strata.studio.builds import Builder
from strata.studio.memory import give_back
from strata.studio.project import SCENES, Project, digest

SECONDS = 0.04
"""Between two looks. A look is a few stats, and takes a tenth of a millisecond."""

LOOKS = CapacityLimiter(1)
"""The looks of all pages take turns."""

ALIVE = 250
"""Looks without news after which a comment is sent, so that a lost connection is noticed."""


class Watch:
    """Looks at the folder for one page."""

    def __init__(self, project: Project, builder: Builder):
        self._project, self._builder = project, builder
        self._files: dict[str, Any] = {}
        self._versions: dict[str, str] = {}
        self._ran = self._ended = False
        self._sent: dict[str, Any] = {}
        self._said = -math.inf

    async def events(self) -> AsyncIterator[str]:
        """Events in the form of the HTML standard, section 9.2: first of all that is there, then of what changes."""
        quiet = 0
        while True:
            news = await run_sync(self._look, limiter=LOOKS)
            for name, text in news:
                yield f"event: {name}\ndata: {text}\n\n"
            quiet = 0 if news else quiet + 1
            if quiet % ALIVE == ALIVE - 1:
                yield ": still here\n\n"
            await asyncio.sleep(SECONDS)

    def _look(self) -> list[tuple[str, str]]:
        if time.monotonic() - self._said > under_way.WATCHED_SECONDS / 4:
            self._said = time.monotonic()
            under_way.watch()
        build = self._builder.view()
        seen: dict[str, Any] = {"files": self._read_versions(), "build": build}
        if self._ended:  # after the look that told of its end, since pictures take a moment
            with self._project.working:
                for name in self._project.names():
                    strip.keep(name)
            give_back()
        if self._ended or "strip" not in self._sent:
            seen["strip"] = strip.read()
        self._ended = self._ran and not build["running"]
        self._ran = build["running"]
        news = []
        for name, value in seen.items():
            if name not in self._sent or self._sent[name] != value:
                self._sent[name] = value
                news.append((name, json.dumps(value)))
        return news

    def _read_versions(self) -> dict[str, str]:
        """The versions of the scenes' files and of the pictures that they name, by the name of the scene or the file."""
        versions = {}
        for name, path in [("", Path("config.yaml")), *((path.stem, path) for path in sorted(SCENES.glob("*.yaml")))]:
            if (state := find_state(path)) is None:
                continue
            if self._files.get(name) != state:
                try:
                    self._versions[name] = digest(path.read_bytes())
                except OSError:
                    continue
                self._files[name] = state
            versions[name] = self._versions[name]
        return versions
