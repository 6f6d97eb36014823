"""What the rules' scripts import, imported once for all that are forked. What paints is imported by the worker."""

import os
import signal

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as Snakemake sets it; and a process with threads is not to be forked

# multiprocessing has Ctrl-C ignored here once all is imported, and gives it back to what is forked; until then, this does.
before = signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

import numpy  # noqa: F401
import yaml  # noqa: F401
from PIL import PngImagePlugin  # noqa: F401
from snakemake import iocontainers, logging  # noqa: F401

from strata.imaging import compositing, masks, png, windows  # noqa: F401
from strata.painting import paint  # noqa: F401
from strata.workflow import job  # noqa: F401

signal.signal(signal.SIGINT, before)
