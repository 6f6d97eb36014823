"""Requests are plain values: they come back as they were after a way through JSON."""

import json
from dataclasses import asdict, replace

from helpers.settings import make_runtime
from strata.painting.request import Done, Request


def test_a_request_survives_the_way_to_the_worker():
    request = Request(
        {"task": "inpaint", "seed": 2**64 - 1, "strength": 0.95},
        "results/subjects/rover.png",
        make_runtime(store={"folder": "store", "limit_gb": 0.5}),
        attempt=2,
        plate=("results/background.png", "results/subjects/astronaut.png"),
        mask="results/masks/rover.png",
        folder="/somewhere",
        files={"a.safetensors": "/somewhere/a.safetensors"},
    )
    assert Request.from_mapping(json.loads(json.dumps(asdict(request)))) == request


def test_the_same_pass_may_be_written_elsewhere():
    request = Request({"task": "text_to_image"}, "results/background.png", make_runtime())
    assert request.writing_to("part.png") == replace(request, layer="part.png", present="results/background.png")


def test_an_answer_survives_the_way_back():
    done = Done("painted", 1.5, "cpu", 2.5)
    assert Done(**json.loads(json.dumps(asdict(done)))) == done
