"""Models from the hub: fetched ahead of the builds, checked, and locked to a commit."""

import errno
import glob
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)
from huggingface_hub.utils import tqdm

from strata.errors import StrataError
from strata.files import cannot_write
from strata.fingerprints import digest_files
from strata.models import lock
from strata.models.hub_cache import find_snapshot
from strata.models.kinds import INDEX, NAMES
from strata.models.lock import Entry
from strata.models.reference import HubModel
from strata.models.repository import choose_files, digest_as_git, find_precision
from strata.state import MODEL_DIGESTS

WAITS_SECONDS = 1, 4, 15  # between tries, when the network or the hub fails
PASSING = 408, 429, 500, 502, 503, 504  # what a hub answers that may be well in a moment
BROKEN_OFF = "Consistency check failed"  # how huggingface_hub begins to say that a file came short

AGAIN = "strata fetch"

Say = Callable[[str], None]
"""Reports a sentence about what is going on."""

Result = TypeVar("Result")


def fetch(model: HubModel, say: Say) -> bool:
    """Fetches a model into the hub's cache and locks it, or just checks it if all of it is there.

    Args:
        model: as a config names it.

    Returns:
        whether anything was fetched.

    Raises:
        StrataError: why it cannot be had, and what to do.
    """
    entries = lock.read()
    locked = lock.find_entry(entries, model["id"], model["revision"], model["variant"], model["where"])
    if locked and not _needs_fetching(locked):
        return False
    try:
        found = _patiently(lambda: _fetch(model, locked, say), say)
    except (HTTPError, OSError, HFValidationError, XetDownloadError) as error:
        raise StrataError(_sentence(model, error)) from None
    kept = [one for one in entries if (one["repository"], one["variant"]) != (model["id"], model["variant"])]
    lock.write([*kept, found])
    return True


def _fetch(model: HubModel, locked: Entry | None, say: Say) -> Entry:
    """Fetches the files of a model that are not there. Returns its entry in the lock."""
    repository = model["id"]
    info = HfApi().model_info(
        repository, revision=locked["commit"] if locked else model["revision"], files_metadata=True
    )
    files = {file.rfilename: file for file in info.siblings}
    if model["index"] not in files:
        kind, _ = NAMES[model["index"]]
        raise StrataError(
            f"{model['where']}.id is {repository!r}, which holds no {model['index']}: it is no {kind}. Name one that is."
        )
    index = None
    if model["index"] == INDEX:
        index = json.loads(Path(hf_hub_download(repository, INDEX, revision=info.sha)).read_text(encoding="utf-8"))
    try:
        names = choose_files(files, index, model["variant"])
    except ValueError as error:
        raise StrataError(f"{model['where']}: {repository} cannot be used: {error}.") from None

    folder = find_snapshot(repository, info.sha)
    missing = sum(files[name].size or 0 for name in names if not (folder / name).is_file())
    if missing:
        say(f"{repository} at {info.sha[:12]}: {_megabytes(missing)} to fetch")
        _check_room(folder, missing)
        with _interruptible():
            snapshot_download(
                repository, revision=info.sha, allow_patterns=list(map(glob.escape, names)), tqdm_class=Bar
            )
    digests = _digests(folder, names)
    for name in names:
        _check(folder / name, files[name], digests[name], model)
    if locked and digests != locked["files"]:
        raise StrataError(
            f"{repository} at {info.sha} is not what {lock.LOCK} says: {_differing(digests, locked['files'])} differs. "
            f"Delete its entry there, then fetch anew: {AGAIN}"
        )
    return {
        "repository": repository,
        "variant": model["variant"],
        "revision": locked["revision"] if locked else model["revision"],
        "commit": info.sha,
        "licence": info.card_data.license if info.card_data else None,
        "dtype": find_precision(folder / name for name in names if name.endswith(".safetensors")),
        "files": digests,
    }


class Bar(tqdm):  # type: ignore[misc]
    """A progress bar that ends the threads which report to it, once nobody wants what they fetch."""

    given_up = threading.Event()

    def update(self, n: float | None = 1) -> bool | None:
        if self.given_up.is_set():
            raise KeyboardInterrupt
        updated: bool | None = super().update(n)
        return updated


@contextmanager
def _interruptible() -> Iterator[None]:
    """Has Ctrl-C end a download at once: huggingface_hub would first fetch the files that are under way, gigabytes of them."""

    def interrupt(number: int, frame: Any) -> None:
        Bar.given_up.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _needs_fetching(locked: Entry) -> bool:
    """Whether files of a locked model are missing or damaged; damaged ones are taken away, so that they are fetched anew."""
    folder = find_snapshot(locked["repository"], locked["commit"])
    names = [name for name in locked["files"] if (folder / name).is_file()]
    digests = _digests(folder, names)
    damaged = [name for name in names if digests[name] != locked["files"][name]]
    for name in damaged:
        _take_away(folder / name)
    return bool(damaged) or len(names) < len(locked["files"])


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    known = digest_files([folder / name for name in names], MODEL_DIGESTS)
    return {name: known[folder / name] for name in names}


def _check(path: Path, file: Any, digest: str, model: HubModel) -> None:
    """Refuses a file that is not what the hub says it is, and takes it away."""
    right = digest == file.lfs.sha256 if file.lfs else file.blob_id in (None, digest_as_git(path))
    if not right:
        _take_away(path)
        raise StrataError(
            f"{file.rfilename} of {model['id']} came with another digest than the hub states, and was thrown away. Fetch it "
            f"again: {AGAIN}. If it stays so, something between here and {constants.ENDPOINT} changes files."
        )


def _take_away(path: Path) -> None:
    # In the cache a file of a snapshot is a link to its content.
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)


def _check_room(folder: Path, size: int) -> None:
    there = next(parent for parent in folder.parents if parent.is_dir())
    if (free := shutil.disk_usage(there).free) < size:
        raise StrataError(_full(f"{_megabytes(size)} are to be fetched, and {_megabytes(free)} are free"))


def _patiently(work: Callable[[], Result], say: Say) -> Result:
    """Does what needs the network, several times if it fails in a way that may pass."""
    for wait in WAITS_SECONDS:
        try:
            return work()
        except (HTTPError, OSError, XetDownloadError) as error:
            if not _passing(error):
                raise
            say(f"{_reason(error)}; tried again in {wait} s")
        time.sleep(wait)
    return work()


def _passing(error: Exception) -> bool:
    error = _root(error)
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in PASSING
    if isinstance(error, OSError):
        return str(error).startswith(BROKEN_OFF)
    return isinstance(error, HTTPError | XetDownloadError)


def _root(error: Exception) -> Exception:
    """What happened, where huggingface_hub says just that a file is not here."""
    while isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _sentence(model: HubModel, error: Exception) -> str:
    error, repository, hub = _root(error), model["id"], constants.ENDPOINT
    begin = f"{model['where']}.id is {repository!r}"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):
        return (
            f"{begin}, which is behind a gate. Accept its licence at {hub}/{repository}, log in with `hf auth login` (or set "
            f"HF_TOKEN), then: {AGAIN}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{begin}, but {hub} has no such model, or shows it to some only. Correct the id, or log in with `hf auth login` "
            "(or set HF_TOKEN) if it is private."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{begin}, which has no revision {model['revision']!r}. Name a branch, a tag or a commit of it."
    if isinstance(error, HFValidationError):
        return f"{begin}, which is no id of the hub: {_reason(error)}. It has the form owner/name."
    if status in (401, 403):
        return f"{hub} refused to give {repository}: {_reason(error)}. Log in anew with `hf auth login`, or correct HF_TOKEN."
    if isinstance(error, OfflineModeIsEnabled):
        return f"{repository} is not all here, and HF_HUB_OFFLINE forbids to fetch it. Unset that, then: {AGAIN}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(str(error.strerror))
    if isinstance(error, OSError) and error.errno:
        return cannot_write(error.filename or constants.HF_HUB_CACHE, error)
    return (
        f"{repository} could not be fetched from {hub}: {_reason(error)}. What came is kept; when the network is there, go on "
        f"with: {AGAIN}"
    )


def _full(reason: str) -> str:
    return (
        f"{constants.HF_HUB_CACHE} has no room for the models: {reason}. Free some, or set HF_HOME to a folder on a larger "
        f"disk, then: {AGAIN}"
    )


def _reason(error: Exception) -> str:
    return " ".join(str(_root(error)).split())[:200].rstrip(".") or type(error).__name__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _differing(digests: Mapping[str, str], others: Mapping[str, str]) -> str:
    return next(name for name in sorted({*digests, *others}) if digests.get(name) != others.get(name))
