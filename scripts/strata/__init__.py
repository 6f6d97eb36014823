"""Strata's library: a scene described by a config, painted in layers.

The rooms, from the ground up. A room imports only from those above it in this list:

    errors files fingerprints state ...   what all rooms use
    scene       config -> what each rule must know
    models      which files a model is
    imaging     pictures: masks, compositing, PNG in and out
    diffusion   pipelines of diffusers: the only room that imports torch
    painting    from a pass to its layer's PNG
    workflow    all that knows Snakemake's jobs
    commands    the verbs of the command `strata`

`lint-imports` checks the walls; pyproject.toml has the contracts.
"""

__version__ = "0.2.0"
