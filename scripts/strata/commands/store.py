"""The store of finished passes: lists it, checks it, makes it smaller.

    strata store                 what it holds, and what it has saved in this folder
    strata store verify          drops entries that are damaged
    strata store trim --gb 2     removes the passes that were used longest ago, down to a size

`--shared` does the same to the store on a shared disk that the config names, `--folder` to any other.
"""

import argparse
import math
from pathlib import Path

from strata.errors import StrataError
from strata.files import expand_user
from strata.painting import history
from strata.painting.store import drop_damaged, list_entries, trim
from strata.scene.scenes import read_runtime
from strata.yaml_files import read_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=["list", "verify", "trim"], default="list")
    parser.add_argument(
        "--gb", type=_read_size, help="the size to trim to, in GB (10^9 bytes); by default the config's limit"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--shared", action="store_true", help="the store on a shared disk that the config names")
    place.add_argument("--folder", help="the folder of another store")


def _read_size(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 <= size < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give a number of GB, 0 or more")
    return size


def run(arguments: argparse.Namespace) -> None:
    folder, limit_gb = _find_store(arguments)
    match arguments.action:
        case "list":
            print(_describe(folder))
            if saved := history.describe_savings():
                print(saved)
        case "verify":
            damaged = drop_damaged(folder)
            print("\n".join([f"dropped {path}" for path in damaged] or [f"{folder}: no entry is damaged."]))
        case "trim":
            removed = trim(folder, (limit_gb if arguments.gb is None else arguments.gb) * 1e9)
            print(f"{folder}: removed {removed / 1e6:.1f} MB. {_describe(folder)}")


def _find_store(arguments: argparse.Namespace) -> tuple[Path, float]:
    """The store's folder, and the limit that the config gives."""
    if arguments.folder:
        if arguments.action == "trim" and arguments.gb is None:
            raise StrataError("Say how large that store may stay: strata store trim --folder ... --gb 2")
        return expand_user(arguments.folder), 0.0
    settings = read_runtime(read_yaml(Path("config.yaml"))).store
    if not arguments.shared:
        return expand_user(settings.folder), settings.limit_gb
    if settings.shared is None:
        raise StrataError("config.yaml: runtime.store.shared is not set, so there is no store on a shared disk.")
    if arguments.action == "trim" and arguments.gb is None:
        raise StrataError("Say how large the shared store may stay: strata store trim --shared --gb 100")
    return expand_user(settings.shared), 0.0


def _describe(folder: Path) -> str:
    entries = list_entries(folder)
    return f"{folder} holds {len(entries)} passes, {sum(size for _, size, _ in entries) / 1e6:.1f} MB."
