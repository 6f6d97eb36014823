"""What the studio answers: scenes, prices, saves that lose nothing of the file, pictures of the project alone."""

import io
import json
import random
import re
import socket
import time
from pathlib import Path

import psutil
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.random_edits import by_hand, edit_at_random
from helpers.studio import SCENE, RunningStudio, write_scene
from strata.painting import under_way
from strata.painting.progress import JobLog
from strata.painting.under_way import Preview
from strata.scene.scene_files import SceneFile
from strata.studio import edit_requests
from strata.studio.builds import Builder

MOST_MEMORY = 120e6  # bytes of the server


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = write_scene(tmp_path_factory.mktemp("studio") / "scene")
    (folder / "scenes").mkdir()
    (folder / "results/subjects").mkdir(parents=True)
    Image.new("RGBA", (192, 128), (255, 0, 0, 255)).save(folder / "results/subjects/astronaut.png")
    Image.new("RGB", (192, 128)).save(folder / "secret.png")
    (folder / "results/subjects/link.png").symlink_to(folder / "secret.png")
    studio = RunningStudio(folder)
    yield studio
    studio.end()


@pytest.fixture
def studio(running):
    """The studio of a folder with the scene as it was written."""
    (running.folder / "config.yaml").write_text(SCENE)
    (running.folder / "scenes/night.yaml").write_text("background: {prompt: a night} # dark\n")
    return running


def save(studio: RunningStudio, edits: list, scene: str = "", version: str | None = None) -> tuple[int, dict]:
    version = version or studio.ask_json(f"/api/scene?scene={scene}")["view"]["version"]
    status, content, _ = studio.ask("/api/save", {"scene": scene, "version": version, "edits": edits})
    return status, json.loads(content)


def put(key: str, value: object) -> dict:
    path = [int(part) if part.isdigit() else part for part in key.split(".")]
    return {"kind": "set", "path": path, "value": value}


def test_a_scene_comes_with_its_layers_and_what_a_build_would_do(studio):
    told = studio.ask_json("/api/scene")
    view = told["view"]
    assert told["scenes"] == ["", "night"]
    assert view["size"] == [192, 128]
    assert [layer["name"] for layer in view["layers"]] == ["background", "astronaut", "rover", "fog"]
    assert [layer["action"] for layer in view["layers"]] == ["paint"] * 4
    assert view["layers"][1]["version"] and view["layers"][2]["version"] is None
    assert view["plan"]["passes"] == 4
    assert view["effective"]["background"]["clip_skip"] is None
    assert "clip_skip" not in view["own"]["background"]
    assert view["beneath"] is None
    night = studio.ask_json("/api/scene?scene=night")["view"]
    assert (night["source"], night["beneath"]) == ("scenes/night.yaml", view["version"])


def test_each_edit_has_its_price_and_nothing_is_written(studio):
    edits = [put("background.seed", 5), put("composite.layers.fog.opacity", 0.5)]
    told = studio.ask_json("/api/scene", {"scene": "", "edits": edits})
    assert told["wrong"] == []
    assert told["view"]["effective"]["background"]["seed"] == 5
    assert len(told["view"]["prices"]) == 2
    assert (studio.folder / "config.yaml").read_text() == SCENE


def test_the_page_is_told_of_a_refining_pass_and_where_it_lies(studio):
    assert studio.ask_json("/api/scene")["view"]["refined"] is None
    told = studio.ask_json(
        "/api/scene", {"scene": "", "edits": [put("refine", {"prompt": "a desert", "strength": 0.4})]}
    )
    assert told["view"]["refined"] == "results/refined.png"
    assert told["view"]["afterwards"] == ["the refining pass"]


def test_each_wrong_edit_has_its_own_sentence_and_key(studio):
    edits = [put("background.seed", -1), put("subjects.rover.strength", 9), put("effects.fog.steps", 3)]
    told = studio.ask_json("/api/scene", {"scene": "", "edits": edits})
    assert [wrong["key"] for wrong in told["wrong"]] == ["background.seed", "subjects.rover.strength"]
    assert "is -1, but must be a whole number, at least 0" in told["wrong"][0]["error"]
    status, said = save(studio, edits)
    assert (status, said["key"]) == (422, "background.seed")
    assert (studio.folder / "config.yaml").read_text() == SCENE


def test_an_edit_that_spoils_another_scene_says_so(studio):
    (studio.folder / "scenes/night.yaml").write_text("subjects: {rover: {seed: 4}}\n")
    edits = [{"kind": "rename", "section": "subjects", "name": "rover", "to": "buggy"}]
    remarks = studio.ask_json("/api/scene", {"scene": "", "edits": edits})["view"]["remarks"]
    assert len(remarks) == 1
    assert remarks[0].startswith("Another scene becomes wrong: scenes/night.yaml: subjects.rover")


def test_the_later_of_two_saves_is_refused(studio):
    version = studio.ask_json("/api/scene")["view"]["version"]
    assert save(studio, [put("background.seed", 1)], version=version)[0] == 200
    status, said = save(studio, [put("background.seed", 2)], version=version)
    assert status == 409
    assert "was changed since this page read it" in said["error"]
    assert "seed: 1\n" in (studio.folder / "config.yaml").read_text()


def test_a_scene_in_scenes_is_saved_into_its_own_file(studio):
    assert save(studio, [put("composite.finish.contrast", 2)], "night")[0] == 200
    assert (studio.folder / "config.yaml").read_text() == SCENE
    text = (studio.folder / "scenes/night.yaml").read_text()
    assert text.startswith("background: {prompt: a night} # dark\n")
    assert yaml.safe_load(text)["composite"] == {"finish": {"contrast": 2}}


def test_line_ends_of_windows_stay(studio):
    (studio.folder / "config.yaml").write_bytes(SCENE.replace("\n", "\r\n").encode())
    assert save(studio, [put("background.seed", 3), put("background.negative_prompt", "x")])[0] == 200
    content = (studio.folder / "config.yaml").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") == SCENE.count("\n") + 1
    assert b"seed: 3\r\n" in content


def test_a_file_that_is_wrong_is_a_sentence(studio):
    (studio.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "sed: 77"))
    status, content, _ = studio.ask("/api/scene")
    assert status == 422
    assert json.loads(content)["key"] == "background.sed"
    (studio.folder / "config.yaml").write_text("a: [1\n")
    status, content, _ = studio.ask("/api/scene")
    assert status == 422
    assert "config.yaml is not YAML" in json.loads(content)["error"]


def test_a_layer_is_the_librarys_cropped_and_placed(studio):
    how = json.dumps({"blur": 0, "position": [10, 20], "depth": None})
    status, content, headers = studio.ask(f"/api/layer?scene=&layer=astronaut&how={how.replace(' ', '%20')}")
    assert status == 200
    assert (headers["x-left"], headers["x-top"]) == ("10", "20")
    assert Image.open(io.BytesIO(content)).size == (192, 128)


@pytest.mark.parametrize(
    "file",
    [
        "config.yaml",
        "secret.png",
        "results/../secret.png",
        "results/../../secret.png",
        "results/subjects/../../secret.png",
        "results/../subjects/astronaut.png",
        "results/subjects/link.png",
        "/etc/passwd",
        "results/sweeps/../../secret.png",
        "results/subjects/astronaut.png%00",
        "results//subjects/astronaut.png",
        ".strata/studio/token",
        "",
    ],
)
@pytest.mark.parametrize("what", ["picture", "thumbnail", "log"])
def test_nothing_but_pictures_of_the_project_is_sent(studio, what, file):
    status, content, _ = studio.ask(f"/api/{what}?file={file}&v=1")
    assert status == 422
    assert "results" in json.loads(content)["error"]


def test_pictures_of_the_project_are_sent(studio):
    status, content, headers = studio.ask("/api/picture?file=results/subjects/astronaut.png&v=1")
    assert status == 200
    assert content == (studio.folder / "results/subjects/astronaut.png").read_bytes()
    assert "immutable" in headers["cache-control"]
    status, content, _ = studio.ask("/api/thumbnail?file=results/subjects/astronaut.png&v=1")
    assert max(Image.open(io.BytesIO(content)).size) == 160


def test_a_preview_is_told_of_and_sent_while_its_job_is_at_work(studio, monkeypatch):
    monkeypatch.chdir(studio.folder)
    layer = "results/subjects/astronaut.png"
    under_way.begin()
    try:
        log = JobLog(layer, io.StringIO(), io.StringIO())
        assert studio.ask(f"/api/preview?file={layer}&v=1")[0] == 204
        log.preview(Preview(b"a picture", (8, 16, 64, 112)))
        (job,) = Builder().view()["jobs"]
        assert job["preview"]["box"] == [8, 16, 64, 112]
        status, content, headers = studio.ask(f"/api/preview?file={layer}&v={job['preview']['version']}")
        assert (status, content, headers["content-type"]) == (200, b"a picture", "image/webp")
        for other in ("config.yaml", "../secret.png", "results/background.png", "x%00", ""):
            assert studio.ask(f"/api/preview?file={other}&v=1")[:2] == (204, b"")
        log.close()
        assert studio.ask(f"/api/preview?file={layer}&v=1")[0] == 204
    finally:
        under_way.end()


@pytest.mark.parametrize("name", ["../config", "night/../../x", "none", "a\0b", "x" * 300])
def test_no_scene_leads_elsewhere(studio, name):
    status, content, _ = studio.ask("/api/scene", {"scene": name, "edits": []})
    assert status == 200
    assert json.loads(content)["view"] is None
    assert "There is no scene" in json.loads(content)["wrong"][0]["error"]
    status, said = save(studio, [], name, version="x")
    assert status == 422
    assert "There is no scene" in said["error"]
    assert studio.ask("/api/build", {"scene": name})[0] == 422


@pytest.mark.parametrize(
    "edits",
    [
        "x",
        [1],
        [{"kind": "format"}],
        [{"kind": "set", "path": [], "value": 1}],
        [{"kind": "set", "path": ["a"] * 30, "value": 1}],
        [{"kind": "set", "path": [-1], "value": 1}],
        [{"kind": "set", "path": ["background", "seed"]}],
        [{"kind": "move", "name": "rover", "index": -1}],
        [{"kind": "add", "section": "models", "name": "x", "value": {}}],
        [{"kind": "add", "section": "subjects", "name": "x", "value": 1}],
        [put("background.prompt", "x" * 300_000)],
        [{"kind": "set", "path": ["background", "prompt"], "value": None}] * 600,
        [{"kind": "set", "path": ["background", "prompt"], "yaml": "[" * 3000}],
    ],
)
def test_a_request_that_is_no_edit_is_a_sentence(studio, edits):
    status, content, _ = studio.ask("/api/scene", {"scene": "", "edits": edits})
    said = json.loads(content)
    sentence = said["error"] if status == 422 else said["wrong"][0]["error"]
    assert sentence.endswith(".")
    assert "Traceback" not in sentence and "unexpectedly" not in sentence


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000, b"\xff\xfe", b'{"scene": 5, "edits": []}', b"null"])
def test_a_body_that_is_no_request_is_a_sentence(studio, body):
    status, content, _ = studio.ask("/api/scene", body)
    assert status == 422
    assert json.loads(content)["error"].endswith(".")


def test_a_painted_mask_is_a_new_file_each_time(studio):
    picture = io.BytesIO()
    Image.new("RGB", (192, 128), (200, 0, 0)).save(picture, "PNG")
    for name in ("masks/rover.png", "masks/rover-2.png"):
        status, content, _ = studio.ask("/api/masks/rover", picture.getvalue(), content_type="image/png")
        assert (status, json.loads(content)) == (200, {"file": name})
        assert Image.open(studio.folder / name).getpixel((0, 0)) == 200
    for subject, body in (("..%2Fx", picture.getvalue()), ("rover", b"GIF89a"), ("rover", b"")):
        assert studio.ask(f"/api/masks/{subject}", body, content_type="image/png")[0] in (404, 422)
    assert len(list(studio.folder.rglob("*.png"))) == 5


def test_more_seeds_are_a_sweep_that_goes_on_where_it_was(studio):
    from strata.studio.project import Project
    from strata.studio.sweeps import find_pick, plan_seeds

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(studio.folder)
        project = Project()
        for first in (43, 47):
            name, edits = plan_seeds(project, "", "astronaut")
            seeds = list(range(first, first + 4))
            assert edits[0].value == {"keys": {"subjects.astronaut.seed": seeds}}
            project.save("", project.read("").version, edits)
        assert name == "astronaut-seeds"
        assert find_pick(project, name, 2)[0].value == 49
        assert plan_seeds(project, "night", "background")[0] == "night-background-seeds"
    text = (studio.folder / "config.yaml").read_text()
    assert text.startswith(SCENE.rstrip().removesuffix("# The end."))


def test_the_server_is_small(studio):
    studio.ask_json("/api/scene")
    assert psutil.Process(studio.process.pid).memory_info().rss <= MOST_MEMORY


def test_it_says_what_is_wrong_with_its_start(studio, capfd, monkeypatch):
    from strata.commands.main import main

    monkeypatch.chdir(studio.folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"cannot listen on port {number}: Address already in use"):
            main(["studio", "--no-browser", "--port", str(number)])
    with pytest.raises(SystemExit, match="There is no scene 'day' in scenes/"):
        main(["studio", "--no-browser", "--scene", "day"])
    monkeypatch.chdir(studio.folder / "results")
    with pytest.raises(SystemExit, match=r"config\.yaml is missing"):
        main(["studio", "--no-browser"])


def test_events_tell_of_a_change_within_a_second(studio):
    with socket.create_connection(("127.0.0.1", studio.port), timeout=10) as connection:
        cookie = f"strata_studio_{studio.port}={studio.token}"
        connection.sendall(
            f"GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:{studio.port}\r\ncookie: {cookie}\r\n\r\n".encode()
        )
        stream = connection.makefile("rb")
        _skip_to(stream, b"event: files")
        _skip_to(stream, b"event: strip")
        began = time.monotonic()
        (studio.folder / "config.yaml").write_text(SCENE.replace("seed: 77", "seed: 78"))
        _skip_to(stream, b"event: files")
        assert time.monotonic() - began < 1


def _skip_to(stream, start: bytes) -> None:
    while not (line := stream.readline()).startswith(start):
        assert line, f"The stream ended before {start!r}"


COMMENTS = re.findall(r"#.*", SCENE)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_comments_order_and_layout_survive_200_edits_which_are_those_made_by_hand(studio, seed: int):
    dice = random.Random(seed)
    path: Path = studio.folder / "config.yaml"
    path.write_text(SCENE)
    by_hand_config, file = yaml.safe_load(SCENE), SceneFile("config.yaml", SCENE)
    version, made, touched = None, 0, set()
    while made < 200:
        edits = []
        for _ in range(min(dice.randrange(1, 8), 200 - made)):
            edit = edit_at_random(file, dice)
            file = _applied(file, edit)
            by_hand_config = by_hand(by_hand_config, edit)
            touched |= {part for part in getattr(edit, "path", ()) if isinstance(part, str)}
            edits.append(edit_requests.describe(edit))
        made += len(edits)
        status, said = save(studio, edits, version=version)
        assert status == 200, (said, edits)
        version = said["version"]
    text = path.read_text()
    config = yaml.safe_load(text)
    assert config == by_hand_config
    assert [list(part) for part in _mappings(config)] == [list(part) for part in _mappings(by_hand_config)]
    assert all(text.count(comment) == SCENE.count(comment) for comment in COMMENTS)
    assert text.splitlines()[0] == SCENE.splitlines()[0]
    assert text.splitlines()[-1] == "# The end."
    assert "\nruntime: {threads: 1, device: cpu}\n# The end." in text
    left_alone = [line for line in SCENE.splitlines() if not {"steps", "runtime"}.isdisjoint(re.findall(r"\w+", line))]
    for line in left_alone:
        assert line in text.splitlines() or "fog: {" in line, line


def _applied(file: SceneFile, edit) -> SceneFile:
    from strata.scene.edits import apply

    return apply(file, [edit])


def _mappings(value: object):
    """All mappings in a value: the order of their keys is compared, which equality leaves out."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings(item)
