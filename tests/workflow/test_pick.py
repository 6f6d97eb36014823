"""`strata pick`: the values of a sweep's cell go into the scene's file, and nothing else in it changes."""

import pytest

CONFIG = """\
# My scene.   Two spaces are kept,	and tabs.

canvas: {{width: 96,   height: 64}}   # small
models:
    text_to_image: {{id: {models}/text-to-image}}
    inpainting:
        id: '{models}/inpainting'


background:
  prompt: >-
    a desert

  negative_prompt: "people"   # and nothing that moves
  seed:    77         # a good one
  steps: 3
effects: {{ fog: {{prompt: fog, steps: 2, seed: 200 # for now
    }} }}
composite:
  layers:
  - layer: background
  -   layer:   fog
      opacity: 0.3   # thin
      blur: 2
runtime: {{threads: 1}}
sweeps:
  seeds: {{keys: {{background.seed: [1, 2]}}, width: 64}}
  both:
    width: 64
    keys:
      background.seed: [77, 5]
      fog.opacity: [0.5, 0.3]
  night: {{scene: night, keys: {{fog.seed: [3, 4]}}, width: 64}}
# The end.
"""

NIGHT = """\
# Night falls.
effects:
    fog: {{seed: 9}}  # {models}
"""


@pytest.fixture
def swept(empty, models):
    """A scene written by hand, and another."""
    (empty.folder / "scenes").mkdir()
    (empty.folder / "config.yaml").write_text(CONFIG.format(models=models))
    (empty.folder / "scenes/night.yaml").write_text(NIGHT.format(models=models))
    return empty


@pytest.mark.parametrize(
    ("arguments", "file", "changes", "said"),
    [
        (("seeds", "2"), "config.yaml", [("seed:    77 ", "seed:    2 ")], "config.yaml: background.seed is 2\n"),
        (
            ("both", "3"),
            "config.yaml",
            [("seed:    77 ", "seed:    5 "), ("opacity: 0.3 ", "opacity: 0.5 ")],
            "config.yaml: background.seed is 5, fog.opacity is 0.5\n",
        ),
        (("night", "1"), "scenes/night.yaml", [("seed: 9", "seed: 3")], "scenes/night.yaml: fog.seed is 3\n"),
    ],
)
def test_pick_changes_the_value_and_keeps_every_other_character(swept, arguments, file, changes, said):
    texts = {name: (swept.folder / name).read_text() for name in ("config.yaml", "scenes/night.yaml")}
    for old, new in changes:
        assert texts[file].count(old) == 1
        texts[file] = texts[file].replace(old, new)
    picked = swept.strata("pick", *arguments)
    assert (picked.returncode, picked.stdout) == (0, said)
    assert {name: (swept.folder / name).read_text() for name in texts} == texts


def test_a_picked_cell_is_the_final_picture_and_paints_nothing_again(swept):
    swept.build("results/sweeps/seeds.png")
    cell = (swept.folder / "results/background.seed~2/final.png").read_bytes()
    assert swept.strata("pick", "seeds", "2").returncode == 0
    assert " painted" not in swept.build()
    assert (swept.folder / "results/final.png").read_bytes() == cell
    # Its layers are those of the scene now.
    assert swept.planned("results/background.seed~2/final.png") == {"background.seed~2/final"}


def test_a_cell_that_is_not_there_changes_nothing(swept):
    before = (swept.folder / "config.yaml").read_text()
    refused = swept.strata("pick", "seeds", "3")
    assert refused.returncode == 1
    assert refused.stdout == "The sweep seeds has the cells 1 to 2, but no 3.\n"
    assert (swept.folder / "config.yaml").read_text() == before
