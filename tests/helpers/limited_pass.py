"""A large pass of a tiny model in a process to which the system gives little more memory than it has.

python limited_pass.py <models> <layer> <attempt>
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from strata.diffusion import patches  # noqa: E402

patches.prepare()

from helpers.recorder import Recorder  # noqa: E402
from helpers.settings import make_runtime  # noqa: E402
from helpers.working_folder import scene  # noqa: E402
from strata.diffusion.pipeline_cache import PipelineCache  # noqa: E402
from strata.exits import with_sentences  # noqa: E402
from strata.painting import execution  # noqa: E402
from strata.painting.paint import resolve_paths  # noqa: E402
from strata.painting.request import Request  # noqa: E402
from strata.scene.scene import Scene  # noqa: E402

# The picture as a whole takes more than 210 MB, and in tiles less than 130 MB.
SIDE, MORE = 1024, 170_000_000


def main(models: str, layer: str, attempt: str) -> None:
    wanted = scene(Path(models))
    wanted["models"]["text_to_image"]["dtype"] = "float32"
    described = Scene(wanted, "config.yaml")
    spec = described.background() | {"steps": 1}
    request = resolve_paths(Request({**spec, "width": SIDE, "height": SIDE}, layer, make_runtime(), int(attempt)))
    reporter, pipelines = Printer(), PipelineCache()
    # What libraries take once is no part of it.
    execution.execute(replace(request, spec=spec), None, reporter, pipelines)
    pipelines.forget("cpu")
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_in_use() + MORE, resource.RLIM_INFINITY))
    execution.execute(request, None, reporter, pipelines)


class Printer(Recorder):
    """Prints what is said, for the test that reads this process' output."""

    def say(self, text: str) -> None:
        print(text, flush=True)


def bytes_in_use() -> int:
    """The bytes of this process that the limit counts."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmData"].split()[0]) * 1024


with_sentences(main)(*sys.argv[1:])
