"""The forge's pure parts: scenes and drawings, words and vectors, latents, and where a subject stands."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
import torch

from forge import export, latents, samples, settings
from forge.captions import landscape_prompt, subject_prompt
from forge.drawing import draw
from forge.masks import Mask, hard, inside, random_mask
from forge.noise import Noising
from forge.scenes import held_out, random_fog, random_scene
from forge.settings import STAGES, merged
from forge.subjects import COLORS, KINDS, paint, place, silhouette
from forge.vocabulary import CONCEPTS, PLAIN_WORDS, WORDS, concepts_of
from helpers.working_folder import ROOT

FORGE = ROOT / "forge"

ASTRONAUT = Mask("ellipse", (80 / 768, 120 / 512, 280 / 768, 480 / 512))
VEHICLE = Mask("rectangle", (480 / 768, 200 / 512, 720 / 768, 460 / 512))


@pytest.mark.parametrize("random_picture", [random_scene, random_fog])
def test_a_seed_draws_one_picture(random_picture):
    assert random_picture(3) == random_picture(3)
    assert random_picture(3) != random_picture(4)
    assert np.array_equal(draw(random_picture(3), 96, 64), draw(random_picture(3), 96, 64))


def test_a_drawing_is_a_picture_at_any_size():
    scene = random_scene(5)
    small, large = draw(scene, 96, 64), draw(scene, 384, 256)
    assert small.shape == (64, 96, 3) and small.dtype == np.float32
    assert small.min() >= 0 and large.max() <= 1
    assert np.abs(large.reshape(64, 4, 96, 4, 3).mean((1, 3)) - small).mean() < 0.01


def test_training_never_sees_a_held_out_combination():
    lights = {"one sun", "two suns", "moon"}
    for scene in map(random_scene, range(200)):
        assert not held_out(scene.time, scene.landscape, scene.light)
        assert (lights & set(scene.concepts) or {"no sun"}) == {scene.light}


def test_each_word_has_one_meaning():
    assert len(WORDS) == sum(len(words) for words in CONCEPTS.values())
    assert not set(PLAIN_WORDS) & set(WORDS)
    assert len(set(PLAIN_WORDS)) == len(PLAIN_WORDS)


def test_a_caption_names_its_concepts():
    for seed in range(100):
        rng = Random(seed)
        picture = random_fog(seed) if seed % 5 == 0 else random_scene(seed)
        assert set(picture.concepts) <= set(concepts_of(landscape_prompt(picture.concepts, rng)))
        kind, color = rng.choice(list(KINDS)), rng.choice(list(COLORS))
        assert concepts_of(subject_prompt(kind, color, rng)) == (kind, color)


def test_a_prompt_means_the_concepts_that_its_words_name():
    prompt = "A wide alien desert at golden hour, TWO suns; rock formations far off, nobody there"
    assert concepts_of(prompt) == ("golden hour", "desert", "alien", "rocks", "two suns")
    assert concepts_of("people, animals, text, watermark, blur") == ()


def test_captions_for_training_leave_concepts_out_but_kept_ones_only_with_all_others():
    from forge.text import random_captions
    from forge.vocabulary import NUMBER

    rows = torch.tensor([[NUMBER["dusk"], NUMBER["sea"], NUMBER["two suns"], 0]] * 400, dtype=torch.uint8)
    captions = random_captions(rows, 12, torch.tensor([]), drop_all=0.25, drop_one=0.5, kept=["two suns"], stray=0.0)
    dusk, suns = ((captions == NUMBER[name]).any(1) for name in ("dusk", "two suns"))
    assert 200 < suns.sum() < 400 and not (dusk & ~suns).any()
    assert (suns & ~dusk).any() and (suns & dusk).any()


def test_guidance_is_tamed_and_prompts_are_learned_as_loud_as_none():
    from types import SimpleNamespace

    from forge.training import Trainer

    blank = 2.0
    trainer = SimpleNamespace(
        noising=SimpleNamespace(count=1000),
        task={"effect": 0.25},
        model=None,
        predict=lambda model, inputs, times, hidden: torch.full_like(inputs, blank),
    )
    target, times = torch.full((3, 4, 2, 2), 6.0), torch.tensor([900, 900, 100])
    hidden = torch.zeros(3, 5, 8)
    hidden[1:] = 1.0  # a prompt, and one where little noise is left
    moved, scale = Trainer.moderated(trainer, target, target, times, hidden)
    assert moved[:, 0, 0, 0].tolist() == [6.0, 3.0, 6.0]
    assert scale.flatten().tolist() == [1.0, 0.25, 1.0]


def test_the_text_encoder_looks_words_up():
    from forge.text import concept_table, make_text_encoder, make_tokenizer
    from forge.vocabulary import NAMES, NUMBER

    tokenizer = make_tokenizer(48)
    assert all(len(tokenizer(word).input_ids) == 3 for word in (*WORDS, *PLAIN_WORDS))
    ids = tokenizer("xylophones at dusk ☃", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        hidden = make_text_encoder(tokenizer, 64)(ids)[0][0]
    meant = hidden[hidden.abs().sum(1) > 0]
    assert ids.shape == (1, 48) and len(meant) == 1
    table = concept_table(64)
    assert torch.allclose(meant[0], table[NUMBER["dusk"]], atol=1e-4)
    assert torch.equal(table[1:] @ table[1:].T, 64 * torch.eye(len(NAMES)))


@pytest.mark.parametrize("cell", [8, 16])
def test_the_encoder_set_by_hand_computes_the_latents(cell):
    from forge.autoencoder import make_autoencoder

    picture = np.random.default_rng(1).random((64, 96, 3), np.float32)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] * 2 - 1
    encoded = make_autoencoder(cell, 8, [0] * cell.bit_length()).encode(pixels).latents[0]
    assert np.abs(encoded.numpy() - latents.encode(picture, cell)).max() < 5e-6


def test_an_untrained_decoder_paints_cells_in_their_colour():
    from forge.autoencoder import make_autoencoder

    color = torch.tensor([0.5, -0.25, 0.0, 0.0])[:, None, None].expand(4, 4, 6)[None]
    decoded = make_autoencoder(8, 8, [1, 1, 1, 1]).decode(color).sample
    assert decoded.shape == (1, 3, 32, 48)
    assert (decoded[0].mean((1, 2)) - color[0, :3, 0, 0]).abs().max() < 0.05


def test_latents_survive_storage():
    stored = latents.to_bytes(latents.encode(draw(random_scene(1), 96, 64), 2))
    assert stored.shape == (4, 32, 48)
    assert np.array_equal(latents.to_bytes(latents.from_bytes(stored.astype(np.float32))), stored)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [ASTRONAUT, VEHICLE, random_mask(Random(1), 48, 32), random_mask(Random(2), 48, 32)])
def test_a_subject_fills_its_mask_and_stays_inside(kind, mask):
    box = place(kind, mask.box, inside(mask, 96, 64, 8))
    shape, within = silhouette(kind, box, 384, 256), inside(mask, 384, 256, 2)
    assert shape[within].sum() > 0.97 * shape.sum()
    assert shape[within].sum() > 0.25 * within.sum()
    plate = draw(random_scene(2), 384, 256)
    painted = paint(plate, kind, "red", box, random_scene(2))
    shown = hard(mask, 384, 256, 2)
    assert (painted != plate)[~shown].mean() < 0.002  # the end of a shadow at most


def test_the_mask_that_a_model_sees_reaches_its_soft_edge_and_a_cell_further():
    for mask in (ASTRONAUT, VEHICLE):
        small, grown = inside(mask, 768, 512, 1), hard(mask, 768, 512, 1, feather=8)
        for axis in (0, 1):
            reach = [np.flatnonzero(m.any(axis))[[0, -1]] for m in (small, grown)]
            assert np.abs(reach[0] - reach[1] - [32, -32]).max() <= 4  # twice the feather and 16 pixels


@pytest.mark.parametrize("side", [64, 96])
def test_squares_are_cut_on_whole_cells(side):
    from forge.autoencoder import cut_squares

    pictures = np.zeros((2, 128, 192, 3), np.uint8)
    pictures[:, ::16], pictures[:, :, ::16] = 255, 255
    squares = cut_squares(pictures, 6, side, 16, np.random.default_rng(1))
    assert squares.shape == (6, 3, side, side)
    assert (squares[:, :, ::16] == 1).all()


def test_a_soft_edge_costs_more_than_a_sharp_one_in_another_place():
    from forge.autoencoder import decoder_loss

    drawn = torch.zeros(1, 3, 32, 32)
    drawn[..., 14:] = 1
    beside, soft = torch.zeros_like(drawn), drawn.clone()
    beside[..., 15:] = 1
    soft[..., 11:17] = torch.linspace(0, 1, 6)
    assert decoder_loss(drawn, drawn) == 0
    assert decoder_loss(drawn, beside) < decoder_loss(drawn, soft)


def test_errors_count_most_where_neighbouring_cells_differ():
    latents = torch.full((2, 4, 12, 12), -0.5)
    latents[:, :, 4:6, 4:6] = 0.5  # a small sun
    weights = samples.contrast_weights(latents)
    assert weights.shape == (2, 1, 12, 12)
    assert weights.mean().item() == pytest.approx(1)
    assert torch.equal(weights[0, 0] == weights.max(), torch.nn.functional.pad(torch.ones(4, 4), (3, 5, 3, 5)) > 0)
    assert (weights.max() / weights.min()).item() == pytest.approx(3)


def test_the_sampler_undoes_the_noise_of_training_and_ends_with_small_steps():
    chosen = settings.load(FORGE / "settings.yaml")
    scheduler = export.make_scheduler(chosen["noise"], **chosen["sampling"])
    trained = Noising(chosen["noise"], torch.device("cpu"))
    assert torch.allclose(scheduler.alphas_cumprod.sqrt(), trained.signal, atol=0.026)
    assert torch.allclose(scheduler.alphas_cumprod[:940].sqrt(), trained.signal[:940], atol=1e-4)
    assert all(later < earlier for earlier, later in pairwise(scheduler.alphas_cumprod.tolist()))
    scheduler.set_timesteps(40)
    assert scheduler.timesteps[0] == 999 and scheduler.timesteps[-1] == 0
    assert len(set(scheduler.timesteps.tolist())) == 40  # a solver looks for its place by the timestep
    assert sum(scheduler.timesteps < 200) >= 10  # evenly spread, it would be 8
    assert torch.isfinite(scheduler.sigmas).all()


def test_settings_merge_and_unknown_ones_are_refused():
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
    with pytest.raises(KeyError, match="'d' does not exist"):
        merged({"a": {"b": 1}}, {"a": {"d": 3}})


def test_every_setting_is_read_by_a_stage():
    from pathlib import Path

    import forge
    from forge.settings import load

    folder = Path(forge.__file__).parent
    known = load(folder / "settings.yaml")
    assert set(known) == {key for keys in STAGES.values() for key in keys}
    merged(known, load(folder / "tiny.yaml"))
