"""The jobs that make exports: as other jobs, but that they never write over what a person has painted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strata.fingerprints import digest_file
from strata.workflow import records
from strata.workflow.job import Job, running


@contextmanager
def exporting(snakemake: Any) -> Iterator[Job]:
    """Runs a job that makes an export, its first output. See job.running().

    An export that was edited in another program is moved aside first: final.psd becomes final.edited.psd.
    """
    with running(snakemake, snakemake.output[0]) as job:
        if kept := keep_edited(job.layer):
            job.log.say(f"{job.layer} was edited. It is kept as {kept}.")
        yield job
        job.finish("exported")


def keep_edited(file: str) -> Path | None:
    """Moves an export aside if it is not as its job left it. Returns where it is now."""
    path, record = Path(file), records.read(file)
    if record is None or not path.is_file() or digest_file(path) == record["layer"]:
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.edited{'' if number == 1 else f'-{number}'}{path.suffix}")).exists():
        number += 1
    return path.rename(kept)
