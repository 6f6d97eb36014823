"""The files of a repository: which of them a model is loaded from, and their digests."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from strata.models.kinds import INDEX

# What configures a component: never code, never a pickle.
CONFIGURING = (".json", ".txt", ".model", ".jinja")
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack")

# As diffusers and transformers name weights, in parts or whole, with the variant in one of four places.
WEIGHTS = re.compile(
    r"(?:diffusion_pytorch_model|pytorch_model|model)(?:\.(\w+))?(?:-\d{5}-of-\d{5})?(?:\.(\w+))?\.safetensors"
    r"(?:(?:\.(\w+))?\.index(?:\.(\w+))?\.json)?"
)

CONFIG = "config.json"

NO_VARIANT = "it has no safetensors of the variant {}: leave `variant` out, or name another"

DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def choose_files(names: Iterable[str], index: Mapping[str, object] | None, variant: str | None) -> list[str]:
    """The files of a repository that a model is loaded from, sorted: safetensors, configs and tokenizers.

    Args:
        names: all files of the repository.
        index: its model_index.json; None for a single model, whose files lie beside each other.
        variant: the one that is asked for. A component that has no weights of it is taken without one, as diffusers does.

    Raises:
        ValueError: a component, or the variant, has no safetensors; a sentence without its full stop.
    """
    names = sorted(names)
    if index is None:
        components, chosen = [""], []
    else:
        components = sorted(name for name, kind in index.items() if isinstance(kind, list) and kind and kind[0])
        chosen = [INDEX]
    of_variant = False
    for component in components:
        files = [name for name in names if name.rpartition("/")[0] == component]
        selected, taken = _choose_weights(f"its {component}" if component else "it", files, variant)
        of_variant |= taken is not None
        chosen += selected
        chosen += [name for name in files if not _is_weights(name) and name.endswith(CONFIGURING)]
    if variant and not of_variant:
        raise ValueError(NO_VARIANT.format(variant))
    if index is None and not any(map(_is_weights, chosen)):
        raise ValueError("it has no safetensors beside its config")
    return sorted(chosen)


def _choose_weights(whose: str, files: list[str], variant: str | None) -> tuple[list[str], str | None]:
    """The weights of one network among its files, and the variant that they are of."""
    weights = {name: _variant(found) for name in files if (found := _is_weights(name))}
    taken = variant if variant in weights.values() else None
    selected = [name for name, its in weights.items() if its == taken]
    if not any(name.endswith(".safetensors") for name in selected):
        if others := sorted({its for its in weights.values() if its}):
            raise ValueError(f"{whose} has safetensors only as the variant {' or '.join(others)}: name `variant`")
        if any(name.endswith(PICKLED) for name in files):
            raise ValueError(f"{whose} has no safetensors, only pickles, which are never loaded")
    return selected, taken


def _is_weights(name: str) -> re.Match[str] | None:
    return WEIGHTS.fullmatch(name.rpartition("/")[2])


def digest_as_git(path: Path) -> str:
    """The digest that git gives a file's content: the hub names small files by it."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def find_precision(files: Iterable[Path]) -> str | None:
    """The type of number that most bytes of some safetensors files hold, such as float16; None without any."""
    size: Counter[str] = Counter()
    for path in files:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, tensor in header.items():
            if name != "__metadata__":
                begin, end = tensor["data_offsets"]
                size[tensor["dtype"]] += end - begin
    if not size:
        return None
    most = size.most_common(1)[0][0]
    return DTYPES.get(most, most)


def _variant(weights: re.Match[str]) -> str | None:
    return next(filter(None, weights.groups()), None)
