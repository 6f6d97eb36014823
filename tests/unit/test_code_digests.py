"""Which edits of the code paint which layers again: each module that decides pixels counts, and no remark does."""

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strata import code_digests
from strata.code_digests import ENTRIES, EXEMPT, digest_syntax
from strata.installation import LIBRARY, SCRIPTS

LOOKS = {"text_to_mask", "depth", "check", "checked"}
MODELS = {"text_to_image", "image_to_image", "effect", "inpaint", "checked", "refine"}
READING = MODELS - {"text_to_image"}  # those that read a picture beside their guides
UPSCALERS = {"upscale"}
VIEWS = {"inpaint", "image_to_image", "refine", "upscale"} | LOOKS
GUIDES = {"guides"}
DRAWN = {"image", "photograph", "placed"}
EXPORTS = {"psd", "openraster", "view"}
PAGES = {"view", "sweep_view"}

DECIDES = {
    "diffusion/attachments": MODELS,
    "diffusion/encoded_prompts": MODELS | {"upscale"},
    "diffusion/depth_estimation": {"depth"},
    "diffusion/devices": MODELS | UPSCALERS | LOOKS,
    "diffusion/guidance": MODELS | UPSCALERS,
    "diffusion/inference": MODELS | UPSCALERS,
    "diffusion/ip_adapter": MODELS,
    "diffusion/loading": MODELS | UPSCALERS | LOOKS,
    "diffusion/lora": MODELS,
    "diffusion/patches": MODELS | UPSCALERS,
    "diffusion/pipelines": MODELS | UPSCALERS,
    "diffusion/reference_weight": MODELS,
    "diffusion/schedulers": MODELS,
    "diffusion/speed": MODELS | UPSCALERS,
    "diffusion/super_resolution": UPSCALERS,
    "diffusion/text_masks": {"text_to_mask", "check", "checked"},
    "diffusion/upscalers": UPSCALERS,
    "diffusion/vision_models": LOOKS,
    "diffusion/vision_processors": MODELS | UPSCALERS,
    "exports/pages": PAGES,
    "exports/view": {"view"},
    "exports/sweep_view": {"sweep_view"},
    "exports/openraster": {"openraster"},
    "exports/places": {"psd", "view"},
    "exports/psd": {"psd"},
    "exports/stack": EXPORTS,
    "imaging/arrays": GUIDES | MODELS | UPSCALERS | LOOKS | DRAWN | EXPORTS | {"mask", "composite", "sheet", "lanczos"},
    "imaging/color_match": VIEWS,
    "imaging/healing": VIEWS,
    "imaging/color_profiles": GUIDES | READING | UPSCALERS | LOOKS | DRAWN | EXPORTS | {"mask", "composite", "sheet"},
    "imaging/compositing": GUIDES | VIEWS | EXPORTS | {"composite", "photograph"},
    "imaging/contact_sheets": {"sheet"},
    "imaging/depth": GUIDES | VIEWS | {"composite"} | EXPORTS,
    "imaging/effects": {"effect", "image"},
    "imaging/edges": GUIDES,
    "imaging/guide_pictures": GUIDES,
    "imaging/guides": MODELS | UPSCALERS | LOOKS | GUIDES,
    "imaging/masks": VIEWS | {"mask"},
    "imaging/model_inputs": LOOKS,
    "imaging/photographs": VIEWS | {"photograph"},
    "imaging/placed_images": {"placed"},
    "imaging/pictures": GUIDES | READING | UPSCALERS | LOOKS | DRAWN | EXPORTS | {"mask", "composite", "sheet"},
    "imaging/png": GUIDES | VIEWS | EXPORTS | {"mask", "composite", "sheet"},
    "imaging/provenance": EXPORTS | {"composite", "check"},
    "imaging/regions": LOOKS,
    "imaging/stacks": VIEWS | EXPORTS | {"composite"},
    "imaging/tiles": UPSCALERS | {"lanczos"},
    "imaging/verdicts": {"check"},
    "imaging/windows": VIEWS,
    "mask_extents": VIEWS | {"mask"},
    "painting/check": {"check", "checked"},
    "painting/depth_estimate": {"depth"},
    "painting/effect": {"effect"},
    "painting/guiding": GUIDES,
    "painting/image_to_image": {"image_to_image"},
    "painting/inpaint": {"inpaint", "checked"},
    "painting/refine": {"refine"},
    "painting/text_mask": {"text_to_mask"},
    "painting/text_to_image": {"text_to_image", "effect"},
    "painting/upscale": UPSCALERS,
    "painting/views": VIEWS,
    "passes": GUIDES | MODELS | UPSCALERS | LOOKS | DRAWN | EXPORTS | {"mask", "composite"},
    "scripts/mask": {"mask"},
    "scripts/composite": {"composite"},
    "scripts/sweep": {"sheet"},
    "scripts/scene": {"scene"},
}
"""The kinds of layers that each module decides. Every other module is exempt, for a reason that the code states."""


def modules() -> list[str]:
    """The names of all modules, and of the rules' scripts, as DECIDES has them. Packages themselves are left out."""
    of_library = [path.relative_to(LIBRARY).with_suffix("").as_posix() for path in LIBRARY.rglob("*.py")]
    scripts = [f"scripts/{path.stem}" for path in SCRIPTS.glob("*.py")]
    return sorted(name for name in of_library + scripts if not name.endswith("__init__"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Iterator[Path]:
    """A copy of the folder `scripts`, of which the digests are."""
    folder = tmp_path_factory.mktemp("code")
    scripts = shutil.copytree(SCRIPTS, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    entries = {kind: tuple(scripts / path.relative_to(SCRIPTS) for path in paths) for kind, paths in ENTRIES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(code_digests, "SCRIPTS", scripts)
        patch.setattr(code_digests, "LIBRARY", scripts / "strata")
        patch.setattr(code_digests, "ENTRIES", entries)
        yield scripts
    forget()


def forget() -> None:
    code_digests.digest_code.cache_clear()
    code_digests._examine_library.cache_clear()


def digests() -> dict[str, str]:
    forget()
    return {kind: code_digests.digest_code(kind) for kind in ENTRIES}


def find_noticing(copy: Path, module: str, edit: Callable[[ast.Module], ast.Module]) -> set[str]:
    """The kinds of layers that are made again after an edit of a module."""
    path = (copy.parent if module.startswith("scripts/") else copy / "strata") / f"{module}.py"
    source, before = path.read_text(encoding="utf-8"), digests()
    try:
        path.write_text(ast.unparse(edit(ast.parse(source))), encoding="utf-8")
        after = digests()
    finally:
        path.write_text(source, encoding="utf-8")
    return {kind for kind in ENTRIES if after[kind] != before[kind]}


def change_a_constant(tree: ast.Module) -> ast.Module:
    """Changes the first number or text of a module that is no remark; adds one where there is none."""
    remarks = {id(part) for remark in find_remarks(tree) for part in ast.walk(remark)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in remarks and isinstance(node.value, int | float | str):
            node.value = f"{node.value}, changed" if isinstance(node.value, str) else node.value + 1
            return tree
    return add_a_constant(tree)


def add_a_constant(tree: ast.Module) -> ast.Module:
    tree.body += ast.parse("ADDED = 1").body
    return tree


def find_remarks(tree: ast.Module) -> Iterator[ast.AST]:
    """The docstrings and annotations of a module."""
    for node in ast.walk(tree):
        yield from filter(None, [getattr(node, "annotation", None), getattr(node, "returns", None)])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node


class Remarks(ast.NodeTransformer):
    """Changes every docstring and annotation. Comments and layout are lost on the way, too."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = "Something else."
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = ast.Name("Other")
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = ast.Name("Other")
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = ast.Name("Other")
        return self.generic_visit(node)


@pytest.mark.parametrize("module", DECIDES)
def test_an_edit_of_a_module_repaints_what_it_decides(copy, module):
    assert find_noticing(copy, module, change_a_constant) == DECIDES[module]


@pytest.mark.parametrize("module", DECIDES)
def test_comments_docstrings_and_annotations_repaint_nothing(copy, module):
    assert find_noticing(copy, module, Remarks().visit) == set()


@pytest.mark.parametrize("module", [name for name in modules() if name not in DECIDES])
def test_an_edit_of_any_other_module_repaints_nothing(copy, module):
    assert find_noticing(copy, module, add_a_constant) == set()


def test_every_module_decides_pixels_or_is_exempt_for_a_reason():
    for module in modules():
        exempt = {module, module.partition("/")[0]} & EXEMPT.keys()
        # What a rule's script does beside calling the library is to pass on what it was given.
        assert (module in DECIDES) != bool(exempt) or module.startswith("scripts/"), module
    for name, reason in EXEMPT.items():
        assert (LIBRARY / f"{name}.py").exists() or (LIBRARY / name).is_dir(), name
        assert len(reason.split()) >= 3, name


def test_imports_are_those_that_digests_follow():
    """Absolute ones, and packages that do nothing themselves."""
    for path in LIBRARY.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)), path
        if path.name == "__init__.py" and path.parent != LIBRARY:
            assert digest_syntax(path.read_text(encoding="utf-8")) == digest_syntax(""), path


PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("# comment\ndef f(x):\n\n    return x + 1  # one more\n", True),
        ('"""Module."""\n\n\ndef f(x):\n    """Function."""\n    return x + 1\n', True),
        ('def f(x):\n    return x + 1\n\n"""About f."""\n', True),
        ("def f(x: int) -> int:\n    return x + 1\n", True),
        ("def f(x): return (x + 1)\n", True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(y):\n    return y + 1\n", False),
        ("def f(x):\n    'a' 'b'.strip()\n    return x + 1\n", False),
        ("def f(x=0):\n    return x + 1\n", False),
        ("@cache\ndef f(x):\n    return x + 1\n", False),
    ],
)
def test_only_what_runs_counts(source, same):
    assert (digest_syntax(source) == digest_syntax(PLAIN)) == same


def test_kinds_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len({code_digests.digest_code(kind) for kind in ENTRIES}) == len(ENTRIES)
