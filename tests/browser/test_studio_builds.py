"""The studio in Chromium: build, watch it paint, stop it, compare, take back."""

import subprocess
import sys

import yaml
from PIL import Image

from helpers.studio import PATIENCE, SCENE, RunningStudio
from helpers.studio_page import lines_changed, painted
from helpers.working_folder import ROOT


def test_an_opacity_shows_at_once_paints_nothing_and_is_what_the_build_makes(tab):
    tab.wait_for_final()
    tab.select("fog")
    tab.slide("composite.layers.fog.opacity", 0.8)
    tab.slide("composite.layers.fog.blur", 6)
    tab.page.locator("[data-key='composite.layers.fog.blend'] select").select_option(label="screen")
    tab.wait_for_price("Paints nothing")
    tab.select("finish")
    tab.slide("composite.finish.color", 0.5)
    tab.page.wait_for_selector("#state:has-text('As a build would composite')")
    before = tab.config()
    ahead = tab.read()
    tab.build()
    tab.wait_for_final()
    assert tab.final().tobytes() == ahead.tobytes() == tab.read().tobytes()
    assert painted(tab.folder) == []
    assert lines_changed(before, tab.config()) == {
        "    - {layer: fog, opacity: 0.3, blur: 2} # thin",
        "    - {layer: fog, opacity: 0.8, blur: 6, blend: screen} # thin",
        "  finish: {contrast: 1.15}",
        "  finish: {contrast: 1.15, color: 0.5}",
    }
    assert tab.errors == []


def test_a_mask_is_dragged_priced_saved_painted_compared_and_taken_back(tab):
    first = tab.final().tobytes()
    tab.select("astronaut")
    tab.drag("0 all", 40, 8)
    tab.wait_for_price("1 pass to paint")
    tab.page.click("#edit-count")
    assert "paints astronaut" in tab.page.inner_text("#edit-list")
    assert "its mask is drawn again" in tab.page.inner_text("#panel .action")
    before = tab.config()
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    after = tab.config()
    changed = lines_changed(before, after)
    assert len(changed) == 2
    assert all(line.endswith("# the whole figure") for line in changed)
    assert yaml.safe_load(after)["subjects"]["astronaut"]["mask"]["shapes"][0]["bbox"][0] > 20
    tab.page.click("#build")
    tab.page.wait_for_selector(".job progress", timeout=PATIENCE * 1000)
    tab.page.wait_for_selector("body[data-building=true]", timeout=PATIENCE * 1000)
    tab.wait_for_end()
    assert painted(tab.folder) == ["astronaut"]
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes() != first

    tab.page.wait_for_selector("#pictures li:nth-child(2)")
    tab.page.click("#pictures li:nth-child(2) .kept")
    tab.page.wait_for_selector("#world.comparing")
    tab.page.locator("#split").fill("30")
    assert tab.page.evaluate("() => document.getElementById('world').style.getPropertyValue('--split')") == "30%"
    tab.page.keyboard.press("Escape")

    tab.page.click("#pictures li:nth-child(2) button:text-is('Take back')")
    tab.wait_for_price("from the store")
    tab.build()
    assert painted(tab.folder) == []
    tab.wait_for_final()
    assert tab.final().tobytes() == first
    assert yaml.safe_load(tab.config()) == yaml.safe_load(before)
    assert "# the whole figure" in tab.config()
    assert tab.errors == []


def test_the_server_may_be_killed_and_started_again(tab, folder):
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.wait_for_price("to paint")
    tab.studio.kill()
    tab.page.wait_for_selector("#notice:has-text('does not answer')", timeout=20_000)
    again = RunningStudio(folder, "--port", str(tab.studio.port))
    try:
        assert again.token == tab.studio.token
        tab.page.wait_for_selector("#notice", state="hidden", timeout=20_000)
        tab.page.click("#save")
        tab.page.wait_for_selector("#save:disabled")
        assert "seed: 5\n" in tab.config()
        tab.page.reload()
        tab.page.wait_for_selector("body.ready[data-turn]")
        tab.wait_for_price("to paint")
    finally:
        again.end()


def test_a_build_in_another_terminal_is_seen(tab):
    (tab.folder / "config.yaml").write_text(SCENE.replace("seed: 200, steps: 2", "seed: 201, steps: 30"))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", "results/final.png"]
    with (tab.folder / "other.log").open("w") as said:
        other = subprocess.Popen(command, cwd=tab.folder, stdout=said, stderr=said)
        try:
            tab.page.wait_for_selector(".job:has-text('effects/fog')", timeout=PATIENCE * 1000)
            assert "Started elsewhere" in tab.page.inner_text("#progress")
            assert tab.page.is_hidden("#stop")
            assert tab.page.is_disabled("#build")
        finally:
            other.wait(PATIENCE)
    tab.wait_for_end()
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes()


def test_a_pass_is_shown_ahead_until_its_layer_is_there(tab):
    tab.wait_for_final()
    before = tab.read().tobytes()
    thumbnail = tab.page.locator("#layers li[data-layer=background] img")
    tab.select("background")
    tab.input("background.seed").fill("5")
    tab.input("background.steps").fill("500")
    tab.wait_for_price("to paint")
    tab.page.click("#build")
    tab.page.wait_for_selector("#state:has-text('shown ahead: background')", timeout=PATIENCE * 1000)
    first = tab.read().tobytes()
    assert first != before
    address = thumbnail.get_attribute("src")
    assert address.startswith("/api/preview?")
    tab.page.wait_for_function(
        "old => document.querySelector('#layers li[data-layer=background] img').getAttribute('src') !== old",
        arg=address,
    )
    assert "/api/preview?" in thumbnail.get_attribute("src")
    assert tab.read().tobytes() not in (first, before)
    tab.page.click("#layers li[data-layer=fog] .eye")
    tab.page.wait_for_selector("#state:has-text('shown ahead: background. Without fog.')")
    tab.page.click("#layers li[data-layer=fog] .eye")
    tab.wait_for_end()
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes() != before
    assert thumbnail.get_attribute("src").startswith("/api/thumbnail?")
    assert not list((tab.folder / ".strata/under_way").glob("*"))
    assert tab.errors == []


def test_a_refining_pass_is_shown_ahead_over_all_layers(tab):
    tab.wait_for_final()
    before = tab.read().tobytes()
    (tab.folder / "config.yaml").write_text(f"{SCENE}refine: {{prompt: a desert, strength: 0.8, steps: 150}}\n")
    tab.wait_for_price("1 pass to paint")
    tab.page.click("#build")
    tab.page.wait_for_selector("#state:has-text('shown ahead: the refining pass')", timeout=PATIENCE * 1000)
    assert tab.read().tobytes() != before
    tab.wait_for_end()
    tab.wait_for_final()
    assert tab.read().tobytes() == tab.final().tobytes() != before
    assert tab.errors == []


def test_a_build_is_stopped_and_loses_nothing(tab):
    tab.wait_for_final()
    shown = tab.read().tobytes()
    before = (tab.folder / "results/effects/fog.png").read_bytes()
    tab.select("fog")
    tab.input("effects.fog.steps").fill("900")
    tab.wait_for_price("1 pass to paint")
    tab.page.click("#build")
    tab.page.wait_for_selector(".job:has-text('of 900')", timeout=PATIENCE * 1000)
    tab.page.wait_for_selector("#state:has-text('shown ahead: fog')", timeout=PATIENCE * 1000)
    assert tab.read().tobytes() != shown
    tab.page.click("#stop")
    tab.page.wait_for_selector("body[data-building=false]", timeout=PATIENCE * 1000)
    tab.page.wait_for_selector("#state:text-is('This is final.png as it was built last.')")
    assert tab.read().tobytes() == shown
    assert (tab.folder / "results/effects/fog.png").read_bytes() == before
    tab.input("effects.fog.steps").fill("2")
    tab.wait_for_price("Nothing to do")
    tab.page.click("#save")
    tab.page.wait_for_selector("#save:disabled")
    assert tab.config() == SCENE


def test_what_is_wrong_with_a_build_is_said(tab):
    (tab.folder / "results/effects/fog.png").unlink()
    Image.new("RGB", (8, 8)).save(tab.folder / "results/effects/fog.png")
    tab.wait_for_final()
    tab.page.click("#build")
    tab.page.wait_for_selector("#said:has-text('Scale it to that size, or delete it')", timeout=PATIENCE * 1000)


def test_four_more_seeds_are_a_sweep_to_pick_from(tab):
    tab.select("fog")
    tab.page.click("[data-key='effects.fog.seed'] button:text-is('Four more')")
    tab.page.wait_for_selector("#dialog h2:text-is('Sweep fog-seeds')", timeout=PATIENCE * 1000)
    assert yaml.safe_load(tab.config())["sweeps"]["fog-seeds"]["keys"] == {"effects.fog.seed": [201, 202, 203, 204]}
    tab.page.wait_for_selector(".sheet figure:nth-child(4) img", timeout=PATIENCE * 1000)
    tab.page.click(".sheet figure:nth-child(3) button")
    tab.page.wait_for_selector("#edit-list li:has-text('effects.fog.seed: 203')", state="attached")
    tab.wait_for_price("from the store")
