"""Adapter of the rule scene: writes the effective scene beside its layers."""

import yaml

from strata.attempts import attempted
from strata.files import replacing
from strata.progress import logged

path = snakemake.output.scene
with (
    logged(snakemake.log[0], path) as log,
    attempted(path, snakemake.params.spec) as spec,
    replacing(path) as file,
):
    for note in spec["notes"]:
        log.say(note)
    text = yaml.safe_dump(spec["scene"], sort_keys=False, allow_unicode=True, width=120)
    file.write(f"# The effective scene: defaults filled in, overrides merged.\n{text}".encode())
