"""Digests of what decides a picture beside the config: the code, and the weights of a model in a folder."""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from strata.errors import StrataError
from strata.files import replacing

LIBRARY = Path(__file__).resolve().parent

CODE_MEMORY = Path(".strata/code.json")

# Weights and what configures them. A model card beside them decides nothing.
MODEL_FILES = (".safetensors", ".json", ".txt", ".model")


@cache
def code(*modules: str) -> str:
    """The digest of the library's modules, given as paths without `.py`, such as "diffusion/passes".

    It digests the syntax tree without docstrings: a comment, a docstring or a line break costs no pass. Parsing takes a
    quarter of a second, so digests are remembered, as folder() says.
    """
    files = [LIBRARY / f"{module}.py" for module in modules]
    return hashlib.sha256(" ".join(digests(files, CODE_MEMORY, _code_digest).values()).encode()).hexdigest()[:16]


def syntax(source: str) -> str:
    """The syntax tree of Python source, as text, without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def folder(path: Path, memory: Path | None = None) -> str:
    """The digest of the files that make a model, by their content.

    Reading gigabytes takes seconds, so the digest of a file is remembered in the JSON file `memory`, if one is given,
    and holds as long as the file's size, time of change and inode do.
    """
    files = sorted(file for file in path.rglob("*") if file.suffix in MODEL_FILES and file.is_file())
    digest = hashlib.sha256()
    for file, its in digests(files, memory).items():
        digest.update(f"{file.relative_to(path).as_posix()} {its}\n".encode())
    return digest.hexdigest()[:16]


def file(path: Path, memory: Path | None = None) -> str:
    """The digest of one file's content, remembered as folder() says."""
    return digests([path], memory)[path][:16]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_digest(path: Path) -> str:
    return hashlib.sha256(syntax(path.read_text(encoding="utf-8")).encode()).hexdigest()


def digests(
    files: Iterable[Path], memory: Path | None = None, digest: Callable[[Path], str] = _file_digest
) -> dict[Path, str]:
    """The digest of each file's content, remembered as folder() says; by default the SHA-256 of its bytes."""
    known = _recall(memory)
    seen, found = {}, {}
    for file in files:
        stat = file.stat()
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        key = str(file.resolve())
        entry = known.get(key)
        seen[key] = entry if entry and entry[0] == state else [state, digest(file)]
        found[file] = seen[key][1]
    if memory and any(known.get(key) != entry for key, entry in seen.items()):
        _remember(memory, known | seen)
    return found


def _recall(memory: Path | None) -> dict:
    try:
        known = json.loads(memory.read_text()) if memory else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path, entries: dict) -> None:
    # It only saves time: a folder that cannot be written costs the next build another reading.
    with suppress(StrataError), replacing(memory) as file:
        file.write(json.dumps(entries).encode())
