"""Strata as a module of another workflow: what docs/using-as-a-module.md promises."""

import pytest
from PIL import Image

from helpers.working_folder import ROOT, WorkingFolder

# The whole config is Strata's, and so are the rules' names and the default target.
WHOLE = """
configfile: "config.yaml"

module strata:
    snakefile: "{snakefile}"
    config: config

use rule * from strata
"""

# As the documentation has it.
KEYED = """
configfile: "config.yaml"

module strata:
    snakefile: "{snakefile}"
    config: config["strata"]

use rule * from strata as strata_*

rule all:
    default_target: True
    input:
        "results/final.png",
"""

PREFIXED = """
configfile: "config.yaml"

module strata:
    snakefile: "{snakefile}"
    config: config["strata"]
    prefix: "pictures"

use rule * from strata as strata_*

rule all:
    default_target: True
    input:
        "pictures/results/final.png",
"""

TWO = """
import sys

configfile: "config.yaml"

module day:
    snakefile: "{snakefile}"
    config: config["strata"]
    prefix: "day"

use rule * from day as day_*

module night:
    snakefile: "{snakefile}"
    config: config["night"]
    prefix: "night"

use rule * from night as night_*

rule all:
    default_target: True
    input:
        "day/results/final.png",
        "night/results/final.png",

onstart:
    print("Ours begins.", file=sys.stderr)

onsuccess:
    print("Ours ends.", file=sys.stderr)

onerror:
    print("Ours failed.", file=sys.stderr)
"""


class OuterWorkflow(WorkingFolder):
    """The working directory of a workflow that uses Strata as a module, with that workflow's Snakefile in it."""

    def __init__(self, folder, models, snakefile: str):
        super().__init__(folder, models)
        self.workflow = folder
        (folder / "Snakefile").write_text(snakefile.format(snakefile=ROOT / "Snakefile"))
        self.key = ""
        if snakefile != WHOLE:
            self.write({"strata": self.config})
            self.key = "strata."
        if snakefile == PREFIXED:
            self.results = "pictures/results"

    def command(self, *arguments: str) -> list[str]:
        return super().command("--workflow-profile", str(ROOT / "profiles/default"), *arguments)


@pytest.fixture
def outer(models, tmp_path):
    """Makes the working directory of a workflow that uses Strata as a module."""
    return lambda snakefile: OuterWorkflow(tmp_path / "outer", models, snakefile)


@pytest.mark.parametrize("snakefile", [WHOLE, KEYED, PREFIXED], ids=["whole config", "a key of the config", "prefix"])
def test_a_module_builds_what_strata_itself_builds(finished, outer, snakefile):
    workflow = outer(snakefile)
    said = workflow.run(workflow.command())
    assert said.returncode == 0, said.stdout
    (line,) = [line for line in said.stdout.splitlines() if line.startswith(f"{workflow.results}/final.png: ")]
    assert " painted; " in line
    assert workflow.bytes() == finished.bytes()
    written = {"pictures"} if snakefile == PREFIXED else {"results", "logs"}
    there = {path.name for path in workflow.folder.iterdir()}
    assert there == {"Snakefile", "config.yaml", ".snakemake", ".strata"} | written

    assert "Nothing to be done" in workflow.run(workflow.command()).stdout
    assert workflow.planned() == set()
    workflow.edit(f"{workflow.key}effects.fog.seed", 7)
    assert workflow.planned() == {"effects/fog", "final"}
    assert f"{workflow.results}/final.png: fog painted; " in workflow.run(workflow.command()).stdout
    workflow.edit(f"{workflow.key}runtime.threads", 2)
    assert workflow.planned() == set()


def test_with_a_prefix_images_and_scenes_are_still_those_of_the_working_directory(outer):
    workflow = outer(PREFIXED)
    shape = Image.new("L", (96, 64))
    shape.paste(255, (60, 10, 90, 50))
    shape.save(workflow.folder / "shape.png")
    Image.new("RGB", (96, 64), "gray").save(workflow.folder / "fog.png")
    subjects = {"rover": {"mask": {"shapes": None, "image": "shape.png"}}}
    effects = {"fog": {"prompt": None, "image": "fog.png"}}
    workflow.write({"subjects": subjects, "effects": effects}, "scenes/dusk.yaml")
    target = "pictures/results/dusk/final.png"
    assert f"{target}: " in workflow.build(target)
    with Image.open(workflow.folder / "pictures/results/dusk/masks/rover.png") as mask:
        assert mask.getpixel((75, 30)) == 255
    assert workflow.planned(target) == set()
    shape.paste(255, (50, 10, 90, 50))
    shape.save(workflow.folder / "shape.png")
    assert workflow.planned(target) >= {"dusk/masks/rover", "dusk/subjects/rover"}


def test_with_a_prefix_a_pass_that_failed_keeps_the_old_layer_and_stays_to_be_painted(outer):
    workflow = outer(PREFIXED)
    background = "pictures/results/background.png"
    workflow.build(background)
    before = workflow.bytes()
    workflow.edit("strata.background.scheduler", "NoSuchScheduler")
    failed = workflow.snakemake(background, "--retries", "0")
    assert failed.returncode == 1
    assert "diffusers has no scheduler 'NoSuchScheduler'" in failed.stdout
    assert "Traceback" not in failed.stdout
    assert workflow.bytes() == before
    assert workflow.planned(background) == {"background"}


def test_with_a_prefix_the_files_of_a_subject_that_is_gone_are_named(outer):
    workflow = outer(PREFIXED)
    workflow.build()
    config = workflow.config
    del config["strata"]["subjects"]["rover"]
    del config["strata"]["composite"]["layers"][2]
    workflow.write(config)
    said = workflow.build()
    assert "No scene names pictures/results/masks/rover.png, pictures/results/subjects/rover.png any more." in said
    assert "strata tidy" not in said  # which would read this config.yaml as a scene


def test_two_modules_share_one_build_with_one_line_at_its_end(outer):
    """And the hooks of the workflow itself run after Strata's."""
    workflow = outer(TWO)
    config = workflow.config
    config["night"] = config["strata"] | {"background": config["strata"]["background"] | {"seed": 5}}
    workflow.write(config)
    said = workflow.run(workflow.command()).stdout
    ends = [line for line in said.splitlines() if "final.png: " in line]
    assert len(ends) == 1, said
    assert set(ends[0].split(": ")[0].split(", ")) == {"day/results/final.png", "night/results/final.png"}
    assert said.index("Hint: ") < said.index("Ours begins.") < said.index(ends[0]) < said.index("Ours ends.")
    assert "Ours failed." not in said
    assert "Nothing to be done" in workflow.run(workflow.command()).stdout

    config["night"]["background"]["scheduler"] = "NoSuchScheduler"
    workflow.write(config)
    failed = workflow.run(workflow.command("--retries", "0"))
    assert failed.returncode == 1
    assert "Ours failed." in failed.stdout
    config["night"]["background"] |= {"scheduler": None, "seed": 6}
    workflow.write(config)
    assert "Ours ends." in workflow.run(workflow.command()).stdout


def test_a_wrong_config_of_a_module_is_a_sentence(outer):
    workflow = outer(KEYED)
    workflow.edit("strata.background.sed", 1)
    refused = workflow.run(workflow.command())
    assert refused.returncode == 1
    assert "background.sed is not a key of the schema. Did you mean seed?" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not (workflow.folder / "logs").exists()


@pytest.mark.parametrize("as_a_module", [True, False], ids=["as a module", "by itself"])
def test_directory_changes_the_working_directory(finished, empty, outer, as_a_module):
    workflow = outer(KEYED) if as_a_module else empty
    (workflow.folder / "pictures/scenes").mkdir(parents=True)
    (workflow.folder / "config.yaml").rename(workflow.folder / "pictures/config.yaml")
    (workflow.folder / "pictures/scenes/dusk.yaml").write_text("effects: {fog: {seed: 7}}\n")
    workflow.results = "pictures/results"
    target = ("results/final.png", "results/dusk/final.png", "--directory", "pictures")
    said = workflow.build(*target)
    assert (
        "results/final.png, results/dusk/final.png: " in said or "results/dusk/final.png, results/final.png: " in said
    )
    built = workflow.bytes()
    assert {name: built[name] for name in finished.bytes()} == finished.bytes()
    assert "dusk/final.png" in built
    assert not (workflow.folder / "results").exists()
    assert not (workflow.folder / ".strata").exists()
    assert "Nothing to be done" in workflow.build(*target)


def test_the_config_of_the_outer_workflow_is_its_own(outer):
    """Its file may have another name, be missing for Strata, and hold what Strata would not take."""
    workflow = outer(KEYED)
    snakefile = workflow.folder / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace("config.yaml", "settings.yaml"))
    config = workflow.folder / "config.yaml"
    config.rename(workflow.folder / "settings.yaml").open("a").write("chapter: 010\n")
    assert workflow.planned("results/background.png") == {"background"}
    config.write_text("")
    assert workflow.planned("results/background.png") == {"background"}


def test_a_module_builds_without_the_profile(outer):
    workflow = outer(KEYED)
    bare = WorkingFolder.command(workflow)
    built = workflow.run(bare)
    assert built.returncode == 0, built.stdout
    assert "results/final.png: " in built.stdout
    assert "Nothing to be done" in workflow.run(bare).stdout
