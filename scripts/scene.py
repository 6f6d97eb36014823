"""The rule scene: writes the effective scene beside its layers."""

from strata.workflow.job import running
from strata.yaml_files import write_yaml

with running(snakemake, snakemake.output.scene) as job:
    for note in job.spec["notes"]:
        job.log.say(note)
    write_yaml(job.layer, job.spec["scene"], "The effective scene: defaults filled in, overrides merged.")
    job.finish("written", work=1)
