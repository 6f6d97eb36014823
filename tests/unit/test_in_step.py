"""What is written in two places says the same: pins, the profile, the README, the config and the schema."""

import re
import subprocess
import sys

import pytest
import yaml

from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.schema import Schema
from workshop import ROOT


def pins(text: str, separator: str) -> dict[str, str]:
    return dict(re.findall(rf"^\s*(?:- )?([a-z][a-z0-9_-]*) ?{separator}([0-9.]+)$", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["imaging", "diffusion"])
def test_environments_hold_the_pins_of_the_requirements(name):
    required = pins((ROOT / "requirements.txt").read_text(), "==")
    names = {"pytorch": "torch", "python-fastjsonschema": "fastjsonschema"}
    held = pins((ROOT / f"envs/{name}.yaml").read_text(), "=")
    assert len(held) > 4
    for package, version in held.items():
        if package != "python":
            assert required[names.get(package, package)] == version, package


def test_the_plugins_for_clusters_are_pinned():
    pinned = pins((ROOT / "requirements-cluster.txt").read_text(), "==")
    assert {f"snakemake-executor-plugin-{name}" for name in ("slurm", "slurm-jobstep", "cluster-generic")} == set(
        pinned
    )


def test_the_installed_packages_are_the_pinned_ones():
    from importlib.metadata import version

    for package, pinned in pins((ROOT / "requirements.txt").read_text(), "==").items():
        assert version(package).split("+")[0] == pinned


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*/profile.yaml")), ids=lambda path: path.parent.name)
def test_profiles_agree_where_a_cluster_makes_no_difference(path):
    here, default = (yaml.safe_load(file.read_text()) for file in (path, ROOT / "profiles/default/profile.yaml"))
    for key in ("rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "nolock", "retries", "quiet"):
        assert here[key] == default[key], key
    assert "max-jobs-per-timespan" not in here  # some values of it are misread, and the build hangs


def test_every_shipped_scene_is_complete_and_sound(monkeypatch):
    monkeypatch.chdir(ROOT)
    scenes = Scenes(yaml.safe_load((ROOT / "config.yaml").read_text()))
    assert len(scenes.pictures()) >= 3
    for path in sorted((ROOT / "scenes").glob("*.yaml")):
        scenes._load(path.stem)


def test_the_default_scene_is_the_one_that_is_described(monkeypatch):
    monkeypatch.chdir(ROOT)
    scene = Scene(yaml.safe_load((ROOT / "config.yaml").read_text()), "config.yaml").description
    assert (scene["canvas"]["width"], scene["canvas"]["height"]) == (768, 512)
    for described, seed, steps, guidance in [
        (scene["background"], 77, 40, 8.0),
        (scene["subjects"]["astronaut"], 42, 40, 8.0),
        (scene["subjects"]["hovercraft"], 99, 40, 8.0),
        (scene["effects"]["fog"], 200, 30, 5.0),
    ]:
        assert (described["seed"], described["steps"], described["guidance_scale"]) == (seed, steps, guidance)
    masks = [subject["mask"]["shapes"][0] for subject in scene["subjects"].values()]
    assert masks[0] == {"shape": "ellipse", "bbox": [80.0, 120.0, 280.0, 480.0]}
    assert masks[1] == {"shape": "rectangle", "bbox": [480.0, 200.0, 720.0, 460.0]}


@pytest.mark.parametrize("path", sorted(path.name for path in (ROOT / "models").glob("*.yaml")))
def test_presets_fit_the_schema(path):
    preset = yaml.safe_load((ROOT / "models" / path).read_text())
    Schema("scene").complete({"background": {"prompt": "x"}, **preset}, path)
    assert {"text_to_image", "inpainting"} == preset["models"].keys()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def test_the_readmes_configs_fit_the_schema():
    """Each example is laid over the default scene."""
    from strata.yaml_files import merged

    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    examples = [yaml.safe_load(block) for block in blocks("yaml")]
    assert len(examples) >= 3
    for example in examples:
        scene = merged(
            base, {key: value for key, value in example.items() if key not in ("runtime", "config", "sweeps")}
        )
        Schema("scene").complete(scene, "README.md")
        Schema("sweeps").complete(example.get("sweeps", {}), "README.md")
        runtime = example.get("runtime") or example.get("config", {}).get("runtime", {})
        Schema("runtime").complete(runtime, "README.md")


def test_what_the_readme_links_to_is_there():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_readme_names_every_command_of_ci():
    """The test command of the README is the one that CI runs."""
    ci = (ROOT / ".ci/run").read_text()
    commands = [line for block in blocks("sh") for line in block.splitlines() if "pytest" in line]
    assert commands
    assert commands[0] in ci


def test_the_snakefile_is_one_page_without_functions():
    text = (ROOT / "Snakefile").read_text()
    assert not re.search(r"^\s*def |\blambda\b", text, re.MULTILINE)
    assert len(text.splitlines()) < 280


def test_the_workflow_is_clean(tmp_path):
    python = [sys.executable, "-m"]
    lint = subprocess.run([*python, "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "in a good condition" in lint.stdout + lint.stderr
    formatted = subprocess.run(
        [*python, "snakefmt", "--check", "Snakefile"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr


@pytest.mark.parametrize("module", ["torch", "diffusers", "PIL", "numpy", "transformers", "huggingface_hub"])
def test_reading_the_snakefile_imports_nothing_heavy(module):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        f"import strata.ahead, strata.scenes, strata.builds\nassert {module!r} not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("folder", "pattern", "allowed"),
    [
        ("scripts", r"^\s*(?:import|from) (?:torch|diffusers|transformers|huggingface_hub)", "strata/diffusion/"),
        ("scripts/strata", r"\bimport snakemake|from snakemake|snakemake\.(?:input|params|config)", None),
        ("scripts/strata/diffusion", r"strata\.scenes|config\.yaml", None),
    ],
)
def test_walls_stand(folder, pattern, allowed):
    for path in (ROOT / folder).rglob("*.py"):
        if allowed is None or allowed not in path.as_posix():
            assert not re.search(pattern, path.read_text(), re.MULTILINE), path
