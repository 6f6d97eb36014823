"""What the rules' scripts import, imported once for all that are forked. What paints is imported by the worker."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as Snakemake sets it; and a process with threads is not to be forked

import numpy  # noqa: F401
import yaml  # noqa: F401
from PIL import PngImagePlugin  # noqa: F401
from snakemake import iocontainers, logging  # noqa: F401

from strata.imaging import compositing, masks, png, windows  # noqa: F401
from strata.painting import paint  # noqa: F401
from strata.workflow import job  # noqa: F401
