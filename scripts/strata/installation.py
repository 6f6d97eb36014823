"""Where the workflow's own files lie: the Snakefile, the rules' scripts, the schemas, the presets of models."""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent

_CHECKOUT, _INSTALLED = LIBRARY.parents[1], LIBRARY / "_workflow"

WORKFLOW = _CHECKOUT if (_CHECKOUT / "Snakefile").is_file() else _INSTALLED
"""The folder of the Snakefile: the checkout that the library lies in, or what `pip install` put beside it."""

SCRIPTS = WORKFLOW / "scripts"
SCHEMAS = WORKFLOW / "schemas"


def claim_imports() -> None:
    """Lets the interpreters that this process starts import this library, should another one be installed.

    Snakemake puts the folder of a rule's script behind installed packages. Without this the jobs of a second checkout would
    run the library of the first.
    """
    others = [path for path in sys.path if Path(path).resolve() != LIBRARY.parent]
    found = PathFinder.find_spec(LIBRARY.name, others)
    if found is not None and found.origin and Path(found.origin).resolve().parent != LIBRARY:
        paths = [str(LIBRARY.parent), os.environ.get("PYTHONPATH", "")]
        if paths[0] not in paths[1].split(os.pathsep):
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
