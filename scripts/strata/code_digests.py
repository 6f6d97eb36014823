"""The digest of the code that decides a layer's pixels, found by following imports from the rule's script.

It is part of the rule's params, in place of Snakemake's own trigger on code, which goes by the time of the script's file and
does not see the library. Syntax trees are digested, without docstrings and annotations: a comment costs no pass.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import TypedDict

from strata.fingerprints import LENGTH, remembered
from strata.installation import LIBRARY, SCRIPTS
from strata.state import CODE_DIGESTS


class SourceFile(TypedDict):
    """What was found in a Python file: the digest of its syntax, and what it imports of the library."""

    digest: str
    imports: list[str]


ENTRIES = {
    "mask": (SCRIPTS / "mask.py",),
    "text_to_mask": (LIBRARY / "painting/text_mask.py", LIBRARY / "painting/views.py"),
    "depth": (LIBRARY / "painting/depth_estimate.py", LIBRARY / "painting/views.py"),
    "text_to_image": (LIBRARY / "painting/text_to_image.py",),
    "effect": (LIBRARY / "painting/effect.py",),
    "guides": (LIBRARY / "painting/guiding.py",),
    "image_to_image": (LIBRARY / "painting/image_to_image.py", LIBRARY / "painting/views.py"),
    "inpaint": (LIBRARY / "painting/inpaint.py", LIBRARY / "painting/views.py"),
    "checked": (LIBRARY / "painting/inpaint.py", LIBRARY / "painting/check.py", LIBRARY / "painting/views.py"),
    "check": (LIBRARY / "painting/check.py", LIBRARY / "imaging/verdicts.py", LIBRARY / "painting/views.py"),
    "image": (LIBRARY / "imaging/effects.py",),
    "photograph": (LIBRARY / "imaging/photographs.py",),
    "placed": (LIBRARY / "imaging/placed_images.py",),
    "refine": (LIBRARY / "painting/refine.py", LIBRARY / "painting/views.py"),
    "composite": (SCRIPTS / "composite.py",),
    "lanczos": (LIBRARY / "imaging/tiles.py",),
    "upscale": (LIBRARY / "painting/upscale.py", LIBRARY / "painting/views.py"),
    "sheet": (SCRIPTS / "sweep.py",),
    "scene": (SCRIPTS / "scene.py",),
    "psd": (LIBRARY / "exports/psd.py",),
    "openraster": (LIBRARY / "exports/openraster.py",),
    "view": (LIBRARY / "exports/view.py",),
    "sweep_view": (LIBRARY / "exports/sweep_view.py",),
}
"""The files in which the code of each kind of layer begins. All that they import counts, too, but what EXEMPT names."""

EXEMPT = {
    "errors": "says what is wrong",
    "exits": "ends a process",
    "files": "writes bytes that others made",
    "seals": "tells damaged and retouched files from others",
    "state": "names files beside the layers",
    "runtime": "holds how jobs run, which paints nothing again",
    "installation": "names the workflow's own files",
    "fingerprints": "tells whether files changed; the digests themselves are in the pass",
    "code_digests": "is this module",
    "schema": "completes the config; its result is in the pass",
    "yaml_files": "reads the config; its result is in the pass",
    "yaml_nodes": "finds what is edited in the config; its result is in the pass",
    "yaml_entries": "edits the config; its result is in the pass",
    "yaml_edits": "edits the config; its result is in the pass",
    "scene": "writes the pass; its result is the pass",
    "models": "says which files a model is; their content is in the pass",
    "workflow": "knows jobs, and no pictures",
    "studio": "shows scenes and edits the config",
    "commands": "start builds, or edit the config",
    "exports/reading": "reads what a picture says about its scene",
    "exports/foreign": "reads what pictures of other programs say",
    "exports/comparing": "says what differs between pictures",
    "exports/diff_view": "shows what differs between pictures",
    "exports/restoring": "writes a scene from what a picture says",
    "__main__": "starts a command",
    "painting/paint": "asks the store and the worker for a layer before it is painted",
    "painting/store": "copies finished layers",
    "painting/worker": "paints with the same code in another process",
    "painting/worker_client": "hands a pass to the worker",
    "painting/execution": "claims a device and calls what paints the kind of layer, with what it loaded",
    "painting/decompose": "takes a picture apart into files, before there is a scene of them",
    "diffusion/layered": "runs the model that does",
    "painting/device_lock": "says when a pass runs, and on which of several equal devices",
    "painting/journal": "remembers what was done",
    "painting/remaining": "tells what remains of a build",
    "painting/under_way": "tells who looks on what is being done",
    "painting/history": "remembers how long it took",
    "painting/progress": "reports what is being done",
    "painting/request": "holds the pass, and no code",
    "painting/previews": "shows a layer ahead",
    "diffusion/previews": "guesses from latents what a pass will paint, and leaves them as they are",
    "imaging/drawing": "calls what draws the kind of layer",
    "diffusion/pipeline_cache": "keeps loaded pipelines; a kept one paints what a new one would, which tests hold",
}
"""The rooms and modules of the library that decide no pixel, each with the reason."""


@cache
def digest_code(kind: str) -> str:
    """The digest of the code that decides the pixels of a kind of layer, a key of ENTRIES."""
    library = _examine_library()
    digests = " ".join(library[path]["digest"] for path in find_code(kind))
    return hashlib.sha256(digests.encode()).hexdigest()[:LENGTH]


def find_code(kind: str) -> list[Path]:
    """All files that decide the pixels of a kind of layer, sorted."""
    library = _examine_library()
    found: set[Path] = set()
    missing = set(ENTRIES[kind])
    while missing:
        found |= missing
        missing = {file for path in missing for file in _files_of(library[path]["imports"])} - found
    return sorted(found)


def digest_syntax(source: str) -> str:
    """The digest of what Python source does: of its syntax tree without docstrings and annotations."""
    return hashlib.sha256(ast.dump(_without_remarks(ast.parse(source))).encode()).hexdigest()


@cache
def _examine_library() -> dict[Path, SourceFile]:
    """What is in each file of the library and in the rules' scripts.

    Parsing them takes half a second, so what was found in a file is remembered as long as the file is the same.
    """
    return remembered([*LIBRARY.rglob("*.py"), *SCRIPTS.glob("*.py")], CODE_DIGESTS, _examine_file)


def _examine_file(path: Path) -> SourceFile:
    source = path.read_text(encoding="utf-8")
    return {"digest": digest_syntax(source), "imports": _imports(ast.parse(source))}


def _imports(tree: ast.Module) -> list[str]:
    """The names under `strata.` that a module imports, wherever in it; each may be a module or a name in one."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return sorted(name.removeprefix("strata.") for name in names if name.startswith("strata."))


def _files_of(names: list[str]) -> list[Path]:
    """The library's files that imported names lie in, without the exempt ones."""
    files = []
    for name in names:
        parts = name.split(".")
        for path in ("/".join(parts), "/".join(parts[:-1])):
            if path and (LIBRARY / f"{path}.py").is_file():
                if path not in EXEMPT and path.split("/")[0] not in EXEMPT:
                    files.append(LIBRARY / f"{path}.py")
                break
    return files


def _without_remarks(tree: ast.Module) -> ast.Module:
    """A syntax tree without what Python does not act upon: docstrings and annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree


def _is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a bare text: about what it begins, or about the name that was assigned before it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
