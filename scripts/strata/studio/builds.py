"""Builds that the studio starts, in a process of their own that waits warm, and what is known of any build under way."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TypedDict

from strata.errors import StrataError
from strata.files import FileState, find_state
from strata.installation import LIBRARY
from strata.painting import journal, remaining, under_way
from strata.painting.journal import FAILED
from strata.painting.progress import layer_title
from strata.state import JOURNAL, STUDIO
from strata.studio.sentences import Wrong, find_keyed
from strata.workflow.build_words import FAILED as FAILED_BUILD
from strata.workflow.build_words import READY

LOG = STUDIO / "build.log"
MOST_SAID = 20_000
"""Characters of what a build said that the page is told: the end of it."""

PATIENCE = 5.0
"""Seconds for a build to end by itself when the studio ends."""


class PreviewView(TypedDict):
    """What a job's layer will look like: a new version for each, and its place in the canvas, see under_way.Preview."""

    version: int
    box: list[int]


class JobView(TypedDict):
    """A job at work; `steps` is 0 until its model samples."""

    layer: str
    title: str
    done: int
    steps: int
    preview: PreviewView | None


class MadeView(TypedDict):
    """A layer that was made in the latest build, how, and what was wrong with one that failed."""

    layer: str
    title: str
    how: str
    seconds: float
    sentence: str | None


class BuildView(TypedDict):
    """The latest build in this folder, whoever started it.

    Attributes:
        running: whether it is under way.
        own: whether this studio started it.
        ready: whether a build could begin at once.
        left: the seconds that remain, as far as they can be told.
        result: of the studio's own latest build: well, failed or stopped; None before its end.
        said: the end of what that build said.
        wrong: the sentences in it that speak of keys.
    """

    running: bool
    own: bool
    ready: bool
    started: float | None
    jobs: list[JobView]
    made: list[MadeView]
    left: float | None
    result: str | None
    said: str
    wrong: list[Wrong]


class Builder:
    """The process that builds. It is started when it is first needed, or ahead; Snakemake is loaded once.

    It has a session of its own, so that a stop reaches all its jobs and nothing else. When the studio is killed, it ends
    after its build.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._state = threading.Lock()
        self._ready, self._building, self._result = False, False, ""
        self._log_from = 0
        self._made_state: FileState | None = None
        self._made: list[MadeView] = []

    def start(self) -> None:
        """Starts the process, if it is not up."""
        with self._state:
            self._start()

    def build(self, targets: list[str]) -> None:
        """Begins a build.

        Raises:
            StrataError: one is under way.
        """
        with self._state:
            if self._building or under_way.find():
                raise StrataError("A build is under way in this folder. Wait for its end, or stop it.")
            self._start()
            assert self._process is not None and self._process.stdin is not None
            self._building, self._result = True, ""
            self._log_from = LOG.stat().st_size if LOG.exists() else 0
            self._process.stdin.write(json.dumps(targets).encode() + b"\n")
            self._process.stdin.flush()

    def stop(self) -> bool:
        """Interrupts the studio's own build, as Ctrl-C does; False if there is none. Finished layers stay."""
        with self._state:
            if not self._building or self._process is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)
            return True

    def end(self) -> None:
        """Ends the process, and a build that it is at."""
        self.stop()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def view(self) -> BuildView:
        """What is known of the latest build in this folder."""
        build = under_way.find()
        with self._state:
            own, ready, result = self._building, self._ready and not self._building, self._result
        said = self._read_log() if result else ""
        jobs = build.jobs if build else ()
        return {
            "running": own or build is not None,
            "own": own,
            "ready": ready,
            "started": build.started if build else None,
            "jobs": [_describe_job(job) for job in jobs],
            "made": self._find_made(),
            "left": remaining.seconds_after(jobs[0].layer) if jobs else None,
            "result": result or None,
            "said": said,
            "wrong": find_keyed(said) if result == FAILED_BUILD else [],
        }

    def _find_made(self) -> list[MadeView]:
        """What the latest build made, read again only when there is more: this is asked many times a second."""
        state = find_state(JOURNAL)
        if state != self._made_state:
            self._made_state, self._made = state, _list_made()
        return self._made

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        STUDIO.mkdir(parents=True, exist_ok=True)
        told, tell = os.pipe()
        with LOG.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "strata.workflow.repeated_builds", str(tell)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(tell,),
                start_new_session=True,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(filter(None, [str(LIBRARY.parent), os.environ.get("PYTHONPATH")]))},
            )
        os.close(tell)
        threading.Thread(target=self._listen, args=(self._process, told), daemon=True).start()

    def _listen(self, process: "subprocess.Popen[bytes]", told: int) -> None:
        """Hears how builds end, until the process has ended."""
        with os.fdopen(told, "r") as words:
            for word in words:
                with self._state:
                    self._ready = True
                    if word.strip() != READY:
                        self._building, self._result = False, word.strip()
        process.wait()
        with self._state:
            if self._process is process:
                self._ready = False
                if self._building:
                    self._building, self._result = False, FAILED_BUILD

    def _read_log(self) -> str:
        try:
            with LOG.open("rb") as file:
                file.seek(self._log_from)
                return file.read().decode("utf-8", "replace")[-MOST_SAID:]
        except OSError:
            return ""


def _describe_job(job: under_way.JobUnderWay) -> JobView:
    preview = job.preview
    return {
        "layer": job.layer,
        "title": layer_title(job.layer),
        "done": job.done,
        "steps": job.steps,
        "preview": {"version": preview.version, "box": list(preview.box)} if preview else None,
    }


def _list_made() -> list[MadeView]:
    return [
        {
            "layer": entry["layer"],
            "title": layer_title(entry["layer"]),
            "how": entry["how"],
            "seconds": round(entry["ended"] - entry["started"], 1),
            "sentence": entry.get("sentence") if entry["how"] == FAILED else None,
        }
        for entry in journal.read()
        if {"started", "ended"} <= entry.keys()
    ]


def read_preview(layer: str) -> bytes | None:
    """The latest preview of a job at work, a WebP; None if it shows nothing yet, or has ended."""
    try:
        return under_way.find_preview(layer).read_bytes()
    except OSError:
        return None


def read_job_log(layer: str) -> str:
    """The end of the log of the job that made a layer; empty if there is none."""
    try:
        return (
            Path("logs", Path(layer).relative_to("results"))
            .with_suffix(".log")
            .read_text("utf-8", "replace")[-MOST_SAID:]
        )
    except (OSError, ValueError):
        return ""
