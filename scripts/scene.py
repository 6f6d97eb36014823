"""Adapter of the rule scene: writes the effective scene beside its layers."""

import yaml

from strata.files import replacing
from strata.painting import title
from strata.progress import logged

with logged(snakemake.log[0], title(snakemake.output.scene)), replacing(snakemake.output.scene) as file:
    text = yaml.safe_dump(snakemake.params.spec, sort_keys=False, allow_unicode=True, width=120)
    file.write(f"# The effective scene: defaults filled in, overrides merged.\n{text}".encode())
