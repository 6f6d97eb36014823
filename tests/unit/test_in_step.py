"""What is written in two places says the same: pins, profiles, documentation, CI, configs and schemas."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from helpers.working_folder import ROOT
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes, apply_preset
from strata.schema import Schema, _branch
from strata.yaml_files import merge

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = dict(requirement.split("==") for requirement in PROJECT["dependencies"])

PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "config/README.md",
        *sorted(ROOT.glob("docs/*.md")),
    )
]
"""The documentation."""


def read_page(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def find_blocks(page: str, language: str) -> list[str]:
    """The blocks of a page that are marked as being in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", read_page(page), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["imaging", "diffusion"])
def test_environments_hold_the_pins_of_the_project(name):
    names = {"pytorch": "torch", "python-fastjsonschema": "fastjsonschema"}
    listed = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())["dependencies"]
    held = dict(re.split(" ?=", package, maxsplit=1) for package in listed if isinstance(package, str))
    assert len(held) > 4
    for package, pinned in held.items():
        if package != "python":
            assert REQUIRED[names.get(package, package)] == pinned, package


def test_the_plugins_for_clusters_are_pinned():
    pinned = dict(requirement.split("==") for requirement in PROJECT["optional-dependencies"]["cluster"])
    names = {f"snakemake-executor-plugin-{name}" for name in ("slurm", "slurm-jobstep", "cluster-generic")}
    assert pinned.keys() == names


def test_the_installed_packages_are_the_pinned_ones():
    for package, pinned in REQUIRED.items():
        assert version(package).split("+")[0] == pinned, package


@pytest.mark.parametrize("extra", [None, "dev", "cluster"])
def test_files_of_requirements_name_the_project(extra):
    name = "requirements.txt" if extra is None else f"requirements-{extra}.txt"
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["-e ." if extra is None else f"-e .[{extra}]"]


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*/profile.yaml")), ids=lambda path: path.parent.name)
def test_profiles_agree_where_a_cluster_makes_no_difference(path):
    here, default = (yaml.safe_load(file.read_text()) for file in (path, ROOT / "profiles/default/profile.yaml"))
    for key in ("rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "nolock"):
        assert here[key] == default[key], key
    assert "max-jobs-per-timespan" not in here  # some values of it are misread, and the build hangs


def test_every_shipped_scene_is_complete_and_sound(monkeypatch):
    monkeypatch.chdir(ROOT)
    scenes = Scenes(yaml.safe_load((ROOT / "config.yaml").read_text()))
    assert len(scenes.folders()) >= 3
    for folder in scenes.folders():
        scene = scenes.find(folder)
        passes = [scene.background(), *map(scene.inpaint, scene.subjects), *map(scene.effect, scene.effects)]
        assert {entry["layer"] for entry in scene.stack} <= {"background", *scene.subjects, *scene.effects}
        assert all(each["model"]["fingerprint"] for each in passes if "model" in each), folder


def test_the_default_scene_is_the_one_that_is_described(monkeypatch):
    monkeypatch.chdir(ROOT)
    scene = Scene(yaml.safe_load((ROOT / "config.yaml").read_text()), "config.yaml").description
    assert (scene["canvas"]["width"], scene["canvas"]["height"]) == (768, 512)
    for described, seed, steps, guidance in [
        (scene["background"], 95, 40, 8.0),
        (scene["subjects"]["astronaut"], 44, 40, 8.0),
        (scene["subjects"]["hovercraft"], 99, 40, 8.0),
        (scene["effects"]["fog"], 209, 30, 5.0),
    ]:
        assert (described["seed"], described["steps"], described["guidance_scale"]) == (seed, steps, guidance)
    masks = [subject["mask"]["shapes"][0] for subject in scene["subjects"].values()]
    assert masks[0] == {"shape": "ellipse", "bbox": [80.0, 120.0, 280.0, 480.0]}
    assert masks[1] == {"shape": "rounded_rectangle", "bbox": [480.0, 205.0, 720.0, 460.0], "radius": 70.0}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "models").glob("*.yaml")))
def test_presets_fit_the_schema(name):
    preset = yaml.safe_load((ROOT / f"models/{name}.yaml").read_text())
    assert {"text_to_image", "inpainting"} == preset["models"].keys()
    scene = apply_preset({"background": {"prompt": "x"}, "preset": name}, name)
    assert Schema("scene").complete(scene, name)["models"]["inpainting"]["id"] == preset["models"]["inpainting"]["id"]


def find_pictures(value: object) -> set[str]:
    """The pictures that a config names."""
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return set().union(*map(find_pictures, items)) if items else set()
    return {value} if isinstance(value, str) and value.endswith((".png", ".jpg")) else set()


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, block) for page in PAGES for block in find_blocks(page, "yaml")],
    ids=lambda text: text.splitlines()[0],
)
def test_a_config_in_the_documentation_fits_the_default_scene(page, block, tmp_path, monkeypatch):
    """Each is laid over the default scene, or is the scene's file that its first line names.

    What it varies must be there, too, and the pictures that it names are made up.
    """
    monkeypatch.chdir(tmp_path)
    example = yaml.safe_load(block)
    for name in find_pictures(example):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    shutil.copytree(ROOT / "scenes", "scenes", dirs_exist_ok=True)
    if file := re.match(r"# (scenes/\S+)\n", block):
        Path(file[1]).write_text(block)
        example = {}
    scenes = Scenes(merge(yaml.safe_load((ROOT / "config.yaml").read_text()), example))
    for folder in scenes.folders():
        scenes.find(folder)
    for name in example.get("sweeps", {}):
        for folder in scenes.find_sweep(name).folders():
            scenes.find(folder)


def test_there_are_configs_in_the_documentation():
    assert len([block for page in PAGES for block in find_blocks(page, "yaml")]) >= 12


def test_the_config_with_every_key_fits_the_schemas_and_has_every_key():
    config = yaml.safe_load((ROOT / "docs/every-key.yaml").read_text())
    assert sorted(find_unused(Schema("runtime"), config.pop("runtime"))) == []
    assert sorted(find_unused(Schema("sweeps"), config.pop("sweeps"))) == []
    assert sorted(find_unused(Schema("scene"), config)) == []


def find_unused(schema: Schema, config: dict) -> set[str]:
    """The keys of a schema that a config does not use wherever they may stand."""
    schema.complete(config, "every-key.yaml")
    used: dict[int, tuple[dict, set[str]]] = {}

    def collect(value: object, node: dict) -> None:
        node = schema._resolve(node)
        if isinstance(value, list):
            for item in value:
                collect(item, node.get("items", {}))
        elif isinstance(value, dict):
            for choice in node.get("allOf", ()):
                used.setdefault(id(choice.get("then")), (choice.get("then", {}), set()))
            node = _branch(value, node)
            used.setdefault(id(node), (node, set()))[1].update(value)
            others = node.get("additionalProperties")
            for key, item in value.items():
                collect(item, node.get("properties", {}).get(key, others if isinstance(others, dict) else {}))

    collect(config, schema.document)
    return {key for node, keys in used.values() for key in node.get("properties", {}) if key not in keys}


@pytest.mark.parametrize("script", ["make_reference", "make_partial_scene"])
def test_what_is_made_from_the_schemas_is_up_to_date(script):
    command = [sys.executable, str(ROOT / f"schemas/{script}.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page):
    text = re.sub(r"^```.*?^```", "", read_page(page), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / file if file else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in slugs(linked), target


def test_ci_runs_the_commands_of_the_readme_to_build_and_to_test():
    """To the letter. They are those that begin with an environment of their own."""
    ci = (ROOT / ".ci/run").read_text()
    lines = [line for block in find_blocks("README.md", "sh") for line in block.splitlines()]
    commands = [line for line in lines if "-m venv " in line]
    assert len(commands) == 2
    for command, ends in zip(commands, ("snakemake --cores 1 results/final.png", "pytest"), strict=True):
        assert command.endswith(ends)
        assert re.search(rf"^ *{re.escape(command)}$", ci, re.MULTILINE), command


def test_the_stages_of_ci_are_those_that_are_described():
    stages = set(re.findall(r"^run_(\w+)\(\)", (ROOT / ".ci/run").read_text(), re.MULTILINE)) - {"fresh"}
    assert set(re.findall(r"^\| `\.ci/run (\w+)`", read_page("CONTRIBUTING.md"), re.MULTILINE)) == stages
    assert len(stages) > 3


def test_the_snakefile_is_one_page_without_functions():
    text = (ROOT / "Snakefile").read_text()
    assert not re.search(r"^\s*def |\blambda\b", text, re.MULTILINE)
    assert len(text.splitlines()) < 410


def test_the_workflow_is_clean(tmp_path):
    python = [sys.executable, "-m"]
    lint = subprocess.run([*python, "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "in a good condition" in lint.stdout + lint.stderr
    formatted = subprocess.run(
        [*python, "snakefmt", "--check", "Snakefile"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr


HEAVY = ("torch", "diffusers", "PIL", "numpy", "transformers", "huggingface_hub")


def test_reading_the_snakefile_imports_nothing_heavy():
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import strata.workflow.build
print(*sorted(set({HEAVY}) & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["slurm", "cluster-generic"])
def test_a_cluster_gets_all_of_a_scene_as_one_submission(name):
    """A rule outside the group, between two that are inside, would be a circle of submissions."""
    rules = set(
        re.findall(r"^(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    )
    groups = yaml.safe_load((ROOT / f"profiles/{name}/profile.yaml").read_text())["groups"]
    assert groups.keys() == rules - {"all", "models", "sweep", "sweep_view"}
