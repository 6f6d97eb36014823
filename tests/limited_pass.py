"""A large pass of a tiny model in a process to which the system gives little more memory than it has.

python limited_pass.py <models> <layer> <attempt>
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from strata.diffusion import patches  # noqa: E402

patches.prepare()

from strata.diffusion import pipeline_cache  # noqa: E402
from strata.painting import execution
from strata.painting.paint import located  # noqa: E402
from strata.painting.request import Request  # noqa: E402
from strata.scene.scene import Scene  # noqa: E402
from workshop import scene  # noqa: E402

# The picture as a whole takes more than 210 MB, and in tiles less than 130 MB.
SIDE, MORE = 1024, 170_000_000


def main(models: str, layer: str, attempt: str) -> None:
    wanted = scene(Path(models))
    wanted["models"]["text_to_image"]["dtype"] = "float32"
    described = Scene(wanted, "config.yaml")
    spec = described.background() | {"steps": 1}
    runtime = {"device": "cpu", "placement": "auto", "threads": 1, "store": {"folder": ".strata/store"}}
    request = located(Request({**spec, "width": SIDE, "height": SIDE}, layer, runtime, int(attempt)))
    log = SimpleNamespace(
        say=lambda text: print(text, flush=True), step=lambda *step: None, check=lambda: None, note=print
    )
    held = pipeline_cache.Shelf()
    # What libraries take once is no part of it.
    execution.perform(replace(request, spec=spec), None, log, held)
    held.forget("cpu")
    resource.setrlimit(resource.RLIMIT_DATA, (taken() + MORE, resource.RLIM_INFINITY))
    execution.perform(request, None, log, held)


def taken() -> int:
    """The bytes of this process that the limit counts."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmData"].split()[0]) * 1024


main(*sys.argv[1:])
