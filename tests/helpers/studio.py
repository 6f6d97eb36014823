"""`strata studio` at work in a folder, and its page in Chromium."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from helpers.working_folder import ROOT

PATIENCE = 120  # seconds, on a machine that is busy with other things

SCENE = """\
# My scene. The embedded models paint it, small and with few steps.
canvas: {width: 192, height: 128}   # in pixels

background:
  prompt: a wide alien desert   # <b>golden</b> hour
  seed: 77
  steps: 4
  guidance_scale: 8.0

subjects: # far to near
  # He stands on the left.
  astronaut:
    mask:
      shapes: [{shape: ellipse, bbox: [16, 24, 64, 112]}] # the whole figure
      feather: 3
    prompt: an astronaut in a white suit
    seed: 42
    steps: 4
    strength: 0.95
  rover:
    mask:
      shapes:
        - shape: rectangle
          bbox: [132, 48, 184, 116]
      feather: 3
    prompt: a rusted hover vehicle
    seed: 99
    steps: 4
    context: 8 # sees nothing of the astronaut

effects:
  fog: {prompt: thin fog, seed: 200, steps: 2}

composite:
  layers: # bottom to top
    - {layer: background}
    - {layer: astronaut}
    - {layer: rover}
    - {layer: fog, opacity: 0.3, blur: 2} # thin
  finish: {contrast: 1.15}

runtime: {threads: 1, device: cpu}
# The end.
"""


def write_scene(folder: Path) -> Path:
    """Makes a folder with the scene."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(SCENE)
    return folder


def build(folder: Path) -> str:
    """Builds the scene of a folder by a plain Snakemake, and returns what it said."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "results/final.png"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    return done.stdout


class RunningStudio:
    """`strata studio` in a folder.

    Attributes:
        address: what it printed, with the token.
    """

    def __init__(self, folder: Path, *arguments: str):
        self.folder = folder
        self._said = folder / "studio.log"
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "strata", "studio", "--no-browser", "--port", "0", *arguments],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        self.address = self._wait_for_address()
        self.port = int(re.search(r":(\d+)/", self.address)[1])
        self.token = re.search(r"token=([\w-]+)", self.address)[1]

    def said(self) -> str:
        return self._said.read_text()

    def _wait_for_address(self) -> str:
        end = time.monotonic() + PATIENCE
        while (found := re.search(r"http://\S+", self.said())) is None:
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.05)
        return found[0]

    def ask(self, path: str, body: object = None, method: str | None = None, **headers: str) -> tuple[int, bytes, dict]:
        """What the server answers to a request as the page sends it; `headers` replace its own, "" takes one away."""
        origin = f"http://127.0.0.1:{self.port}"
        sent = {"cookie": f"strata_studio_{self.port}={self.token}"}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if content is not None:
            sent |= {"origin": origin, "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            f"{origin}{path}", content, {k: v for k, v in sent.items() if v}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def ask_json(self, path: str, body: object = None) -> dict:
        status, content, _ = self.ask(path, body)
        assert status == 200, content
        return json.loads(content)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
