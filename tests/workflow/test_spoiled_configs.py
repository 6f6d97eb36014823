"""Configs in which something is wrong, through Snakemake itself: a plan or a sentence, never a traceback.

STRATA_FUZZ_COMMAND=300 pytest -n 0 tests/workflow/test_spoiled_configs.py tries more.
"""

import os
import random

import yaml

from helpers.nasty_configs import spoil
from helpers.working_folder import ROOT, WorkingFolder

COUNT = int(os.environ.get("STRATA_FUZZ_COMMAND", "12"))


def test_a_spoiled_config_gives_a_plan_or_a_sentence(empty: WorkingFolder):
    described = yaml.safe_load((ROOT / "config.yaml").read_text())
    chance = random.Random(1)
    for _ in range(COUNT):
        try:
            text = yaml.safe_dump(spoil(described, chance), sort_keys=False, allow_unicode=True)
            (empty.folder / "config.yaml").write_text(text, encoding="utf-8")
        except (UnicodeEncodeError, yaml.representer.RepresenterError, ValueError):
            continue  # no file can hold it
        code, said = empty._dry_run("-n", "results/final.png")
        assert "Traceback" not in said, (text, said)
        assert "WorkflowError" not in said, (text, said)
        assert code in (0, 1), (text, said)
        if code:
            assert said.rstrip().endswith((".", "?", ")")), (text, said)
