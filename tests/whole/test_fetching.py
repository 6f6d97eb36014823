"""Models fetched from a hub on loopback: the whole way, and what can go wrong on it."""

import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from helpers.loopback_hub import Hub, Repository, etag, serving
from helpers.working_folder import ROOT, TIMEOUT, clone
from strata.errors import StrataError
from strata.models import lock

# Fetches without Snakemake, in small pieces, and waits for nothing. Its arguments: the model, and what is free on the disk.
FETCH = f"""
import json, shutil, sys, types
sys.path.insert(0, {str(ROOT / "scripts")!r})
from strata.exits import sentences
from strata.models import hub
hub.WAITS_SECONDS = (0, 0)
hub.constants.DOWNLOAD_CHUNK_SIZE = 1024
if len(sys.argv) > 2:
    shutil.disk_usage = lambda path: types.SimpleNamespace(free=int(sys.argv[2]))
with sentences():
    print("fetched" if hub.fetch(json.loads(sys.argv[1]), print) else "already there")
"""


class Fetcher:
    """A folder of its own that fetches from a hub into a cache of its own."""

    def __init__(self, hub: Hub, folder: Path):
        self.hub, self.folder, self.home = hub, folder, folder / "home"

    def run(self, *disk: str, environment: dict | None = None, **model) -> tuple[int, str]:
        with self.start(*disk, environment=environment, **model) as process:
            said = process.communicate(timeout=TIMEOUT)[0]
        assert "Traceback" not in said, said
        return process.returncode, said

    def start(self, *disk: str, environment: dict | None = None, **model) -> subprocess.Popen:
        described = {"id": "tiny/painter", "revision": None, "variant": None, "where": "config.yaml: models.x"}
        model = described | {"index": "model_index.json"} | model
        return subprocess.Popen(
            [sys.executable, "-u", "-c", FETCH, json.dumps(model), *disk],
            cwd=self.folder,
            env=self.hub.environment(self.home, PATH="/usr/bin:/bin", HOME=str(self.folder)) | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fetch(self, *disk: str, **model) -> str:
        code, said = self.run(*disk, **model)
        assert code == 0, said
        return said

    def refused(self, *disk: str, **model) -> str:
        code, said = self.run(*disk, **model)
        assert code == 1, said
        return said

    @property
    def lock(self) -> list[dict]:
        return lock.read(self.folder / "models.lock.yaml")

    def cached(self, path: str) -> Path:
        return next((self.home / "hub/models--tiny--painter/snapshots").glob(f"*/{path}"), self.home / "none")


@pytest.fixture
def hub(models):
    with serving(Hub()) as hub:
        painter = hub.repositories["tiny/painter"] = Repository()
        pickles = {"unet/diffusion_pytorch_model.bin": b"pickle", "unet/code.py": b"x", "README.md": b"x"}
        painter.commit(models / "text-to-image", pickles)
        yield hub


@pytest.fixture
def fetcher(hub, tmp_path) -> Fetcher:
    return Fetcher(hub, tmp_path)


def test_a_model_that_looks_is_fetched_and_locked_like_a_pipeline(hub, vision_models, empty):
    """For a mask by words, which is found without a network then; nothing of it is fetched that is not needed."""
    for name in ("clipseg", "sam2"):
        hub.repositories[f"tiny/{name}"] = Repository()
        hub.repositories[f"tiny/{name}"].commit(
            vision_models / name, {"pytorch_model.bin": b"pickle", "README.md": b"x"}
        )
    empty.edit("models.text_to_mask", {"id": "tiny/clipseg"})
    empty.edit("models.box_to_mask", {"id": "tiny/sam2"})
    online = hub.environment(empty.folder.parent / "home")
    assert "there is nothing to fetch" in empty.build("models", **online)  # no mask names them
    empty.edit("subjects.rover.mask", {"text": "a rock", "threshold": 0.6, "edge": "box_to_mask", "grow": 8})
    assert "tiny/clipseg, tiny/sam2 fetched" in empty.build("models", **online)
    assert not [asked for asked in hub.asked if asked.endswith((".bin", ".md"))]
    lock = yaml.safe_load((empty.folder / "models.lock.yaml").read_text())["models"]
    assert [(each["repository"], each["commit"]) for each in lock] == [
        (name, hub.repositories[name].branches["main"]) for name in ("tiny/clipseg", "tiny/sam2")
    ]
    hub.repositories["tiny/clipseg"].commit(vision_models / "owlv2")
    asked = len(hub.asked)
    empty.build("results/masks/rover.png", **online)
    assert len(hub.asked) == asked
    assert empty.planned("results/masks/rover.png") == set()


def test_what_is_no_single_model_is_refused(fetcher):
    said = fetcher.refused(index="config.json")
    assert "models.x.id is 'tiny/painter', which holds no config.json: it is no ControlNet or model" in said


UNET = "unet/diffusion_pytorch_model.safetensors"


def test_from_the_hub_to_a_picture_without_a_network(hub, models, empty):
    """Fetched by a preset, painted offline, and unmoved by what happens on the hub until that is wanted."""
    inpainter = hub.repositories["tiny/inpainter"] = Repository()
    inpainter.commit(models / "inpainting")
    preset = {"models": {"text_to_image": {"id": "tiny/painter"}, "inpainting": {"id": "tiny/inpainter"}}}
    empty.write(preset, "tiny.yaml")
    home = empty.folder.parent / "home"
    online = hub.environment(home)
    command = "--configfile", "config.yaml", "tiny.yaml", "--"
    said = empty.build(*command, "models", **online)
    assert "tiny/painter, tiny/inpainter fetched" in said
    assert not [asked for asked in hub.asked if asked.endswith((".bin", ".py", ".md"))]
    lock = yaml.safe_load((empty.folder / "models.lock.yaml").read_text())["models"]
    assert [(each["repository"], each["licence"], each["dtype"]) for each in lock] == [
        ("tiny/inpainter", "openrail++", "float32"),
        ("tiny/painter", "openrail++", "float32"),
    ]
    first = hub.repositories["tiny/painter"].branches["main"]
    assert lock[1]["commit"] == first

    hub.asked.clear()
    assert "tiny/painter, tiny/inpainter already there" in empty.build(*command, "models", **online)
    assert hub.asked == []

    empty.write(empty.config | preset)
    empty.edit("runtime.worker", {"enabled": False})
    offline = online | {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    empty.build("results/background.png", **offline)
    assert first in (empty.folder / "results/background.png").read_bytes().decode("latin-1")

    second = hub.repositories["tiny/painter"].commit(models / "text-to-image", {"unet/notes.txt": b"moved on"})
    assert second != first
    assert "already there" in empty.build("models", **online)
    assert empty.planned("results/background.png") == set()
    (empty.folder / "models.lock.yaml").unlink()
    assert "fetched" in empty.build("models", **online)
    assert second in (empty.folder / "models.lock.yaml").read_text()
    assert empty.planned("results/background.png") == {"background"}


def test_the_command_fetches_the_models_of_a_preset(hub, models, empty, tmp_path):
    hub.repositories["tiny/inpainter"] = Repository()
    hub.repositories["tiny/inpainter"].commit(models / "inpainting")
    empty.workflow = clone(tmp_path / "clone")
    (empty.workflow / "models").mkdir()
    preset = {"models": {"text_to_image": {"id": "tiny/painter"}, "inpainting": {"id": "tiny/inpainter"}}}
    (empty.workflow / "models/tiny.yaml").write_text(yaml.safe_dump(preset))
    empty.edit("models", None)
    online = hub.environment(empty.folder.parent / "home")
    before = (empty.folder / "config.yaml").read_text()
    fetched = empty.strata("fetch", "--preset", "tiny", **online)
    assert fetched.returncode == 0, fetched.stdout
    assert "tiny/painter, tiny/inpainter fetched" in fetched.stdout
    locked = [entry["repository"] for entry in lock.read(empty.folder / "models.lock.yaml")]
    assert locked == ["tiny/inpainter", "tiny/painter"]
    assert (empty.folder / "config.yaml").read_text() == before

    empty.edit("preset", "tiny")
    assert "already there" in empty.strata("fetch", **online).stdout
    empty.edit("runtime.worker", {"enabled": False})
    assert "background painted" in empty.build("results/background.png", **online | {"HF_HUB_OFFLINE": "1"})


@pytest.mark.parametrize("worker", [True, False])
def test_a_model_that_no_lock_names_is_fetched_when_it_is_loaded(hub, empty, monkeypatch, worker):
    monkeypatch.setenv("SLURM_JOB_ID", "fetching")  # a worker of its own, which is to ask this hub
    empty.edit("models.text_to_image.id", "tiny/painter")
    empty.edit("runtime.worker", {"enabled": worker, "idle_seconds": 1})
    online = hub.environment(empty.folder.parent / "home")
    assert "background painted" in empty.build("results/background.png", **online)
    assert [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(UNET)]
    assert not [asked for asked in hub.asked if asked.endswith((".bin", ".py"))]
    assert not (empty.folder / "models.lock.yaml").exists()
    assert empty.planned("results/background.png") == set()

    empty.edit("background.seed", 78)
    hub.asked.clear()
    assert "background painted" in empty.build("results/background.png", **online)
    assert not [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(UNET)]  # it is in the cache
    empty.edit("background.seed", 79)
    assert "background painted" in empty.build("results/background.png", **online | {"HF_HUB_OFFLINE": "1"})


def test_a_model_that_no_lock_names_and_no_hub_has_is_a_sentence(hub, empty):
    empty.edit("models.text_to_image.id", "tiny/nothing")
    empty.edit("runtime.worker", {"enabled": False})
    done = empty.snakemake("results/background.png", "--retries", "0", **hub.environment(empty.folder.parent / "home"))
    assert done.returncode == 1
    assert "The model tiny/nothing could not be loaded: " in done.stdout
    assert "Run `strata fetch` where there is a network" in done.stdout
    assert "Traceback" not in done.stdout


def test_models_in_folders_need_no_fetching(empty):
    said = empty.build("models")
    assert "no scene names a model on the hub: there is nothing to fetch" in said
    assert not (empty.folder / "models.lock.yaml").exists()


def test_the_variant_alone_is_fetched(hub, fetcher, models):
    half = {
        f"{path.removesuffix('.safetensors')}.fp16.safetensors": content
        for path, content in hub.repositories["tiny/painter"].commits.popitem()[1].items()
        if path.endswith(".safetensors")
    }
    hub.repositories["tiny/painter"].commit(models / "text-to-image", half)
    fetcher.fetch(variant="fp16")
    weights = [name for name in fetcher.lock[0]["files"] if name.endswith(".safetensors")]
    assert len(weights) == 3
    assert all(name.endswith(".fp16.safetensors") for name in weights)
    assert not [asked for asked in hub.asked if UNET in asked]
    assert "no safetensors of the variant bf16" in fetcher.refused(variant="bf16")


def test_a_gate_and_its_remedy(hub, fetcher):
    hub.repositories["tiny/painter"].gate = True
    said = fetcher.refused()
    assert (
        f"config.yaml: models.x.id is 'tiny/painter', which is behind a gate. Accept its licence at {hub.address}/tiny"
        in said
    )
    assert "hf auth login" in said
    assert fetcher.lock == []
    fetcher.fetch(environment={"HF_TOKEN": hub.token})


def test_what_is_not_there_is_named(fetcher):
    assert "models.x.id is 'tiny/nothing', but" in fetcher.refused(id="tiny/nothing")
    assert "which has no revision 'v9'" in fetcher.refused(revision="v9")


def test_a_hub_that_is_tired_is_asked_again(hub, fetcher):
    hub.failing = 1
    said = fetcher.fetch()
    assert "tried again in 0 s" in said


def test_a_hub_that_is_gone_is_a_sentence(hub, fetcher):
    hub.address = "http://127.0.0.1:9"
    said = fetcher.refused()
    assert "tiny/painter could not be fetched from http://127.0.0.1:9: " in said
    assert said.rstrip().endswith("go on with: strata fetch")


def test_without_a_network_what_is_there_will_do(fetcher):
    offline = {"HF_HUB_OFFLINE": "1"}
    assert "HF_HUB_OFFLINE forbids to fetch it" in fetcher.refused(environment=offline)
    fetcher.fetch()
    assert "already there" in fetcher.fetch(environment=offline)


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, fetcher):
    hub.cut = 1
    fetcher.fetch()
    assert len(hub.ranges) == 1 and int(hub.ranges[0].strip("bytes=-")) > 0
    assert fetcher.fetch().strip() == "already there"


def test_what_came_before_the_hub_went_away_is_not_fetched_again(hub, fetcher):
    content = next(iter(hub.repositories["tiny/painter"].commits.values()))
    hub.missing = {UNET}
    assert "could not be fetched" in fetcher.refused()
    assert fetcher.lock == []
    came = [path for path in content if fetcher.cached(path).is_file()]
    assert len(came) > 3 and UNET not in came
    hub.missing.clear()
    hub.asked.clear()
    fetcher.fetch()
    assert not [asked for asked in hub.asked for path in came if asked.startswith("GET") and asked.endswith(f"/{path}")]
    assert fetcher.lock[0]["files"][UNET] == etag(UNET, content[UNET])


def test_ctrl_c_ends_it_at_once_and_leaves_nothing_half_done(hub, fetcher):
    hub.pause = 5.0
    fetch = fetcher.start()
    deadline = time.monotonic() + TIMEOUT
    while not [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(UNET)]:
        assert time.monotonic() < deadline and fetch.poll() is None
        time.sleep(0.05)
    fetch.send_signal(signal.SIGINT)
    fetch.communicate(timeout=60)  # the whole file would take ten times as long
    assert fetch.returncode != 0
    assert not list(fetcher.home.rglob("*.incomplete"))
    hub.pause = 0
    fetcher.fetch()


@pytest.mark.parametrize("path", [UNET, "unet/config.json"])
def test_a_file_that_is_not_what_the_hub_says_is_thrown_away(hub, fetcher, path):
    stated = hub.repositories["tiny/painter"].stated
    stated[path] = "f" * (64 if path == UNET else 40)
    said = fetcher.refused()
    assert f"{path} of tiny/painter came with another digest than the hub states" in said
    assert fetcher.lock == [] and not fetcher.cached(path).exists()
    stated.clear()
    fetcher.fetch()


def test_a_file_that_was_damaged_is_fetched_anew(fetcher):
    fetcher.fetch()
    path = fetcher.cached(UNET)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "\nfetched" in f"\n{fetcher.fetch()}"
    assert fetcher.cached(UNET).read_bytes() == good


def test_a_controlnet_is_fetched_and_locked_like_a_pipeline(hub, fetcher, tmp_path):
    from helpers import tiny_controlnets

    folder = tiny_controlnets.save("sd15", tmp_path / "controlnet")
    commit = hub.repositories.setdefault("tiny/guide", Repository()).commit(
        folder, {"notes.bin": b"a pickle", "a/b.json": b"{}"}
    )
    guide = {"id": "tiny/guide", "index": "config.json"}
    assert "fetched" in fetcher.fetch(**guide)
    (entry,) = fetcher.lock
    assert (entry["repository"], entry["commit"], entry["dtype"]) == ("tiny/guide", commit, "float32")
    assert sorted(entry["files"]) == ["config.json", "diffusion_pytorch_model.safetensors"]
    assert "already there" in fetcher.fetch(**guide)
    said = fetcher.refused(id="tiny/painter", index="config.json")
    assert "is 'tiny/painter', which holds no config.json: it is no ControlNet or model" in said


def test_a_lock_on_another_machine_brings_the_same_commit(hub, fetcher, models, tmp_path):
    fetcher.fetch()
    lock = fetcher.lock
    hub.repositories["tiny/painter"].commit(models / "text-to-image", {"unet/notes.txt": b"moved on"})
    fetcher.home = tmp_path / "other"
    fetcher.fetch()
    assert fetcher.lock == lock
    assert "asks for the revision 'v2'" in fetcher.refused(revision="v2")


def test_a_disk_without_room_is_reported_before_anything_comes(hub, fetcher):
    said = fetcher.refused("1000")
    assert f"{fetcher.home}/hub has no room for the models: 0." in said
    assert "HF_HOME" in said
    assert not [asked for asked in hub.asked if asked.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "has no room for the models: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x could not be written: Permission denied"),
        (OSError("Consistency check failed: too short"), "could not be fetched from"),
    ],
)
def test_what_the_disk_says_is_a_sentence(error, said):
    from strata.models import hub

    assert said in hub._sentence({"id": "a/b", "revision": None, "where": "config.yaml: models.x"}, error)


def test_a_repository_without_a_pipeline_is_refused(hub, fetcher, tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/config.json").write_text("{}")
    hub.repositories["tiny/plain"] = Repository()
    hub.repositories["tiny/plain"].commit(tmp_path / "plain")
    assert "which holds no model_index.json: it is no diffusers pipeline" in fetcher.refused(id="tiny/plain")


def test_a_wrong_lock_is_no_traceback(fetcher):
    (fetcher.folder / "models.lock.yaml").write_text("models: 3\n")
    assert "models.lock.yaml: models is 3, but must be a list" in fetcher.refused()
    with pytest.raises(StrataError):
        assert fetcher.lock
