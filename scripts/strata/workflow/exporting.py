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

    An export that was edited in another program is moved aside: final.psd becomes final.edited.psd. If the job fails, it is where
    it was.
    """
    with running(snakemake, snakemake.output[0]) as job:
        path = Path(job.layer)
        kept = keep_edited(path)
        try:
            yield job
        except BaseException:
            if kept and not path.exists():
                kept.rename(path)
            raise
        if kept and digest_file(kept) == digest_file(path):
            kept.unlink()  # its job was killed before it could record it
        elif kept:
            job.log.say(f"{path} was edited. It is kept as {kept}.")
        job.finish("exported", work=None if "width" in job.spec else len(snakemake.input))


def keep_edited(path: Path) -> Path | None:
    """Moves an export aside if it is not as its job left it. Returns where it is now."""
    record = records.read(str(path))
    if record is None or not path.is_file() or digest_file(path) == record["layer"]:
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.edited{'' if number == 1 else f'-{number}'}{path.suffix}")).exists():
        number += 1
    return path.rename(kept)
