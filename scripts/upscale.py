"""Adapter of the rule upscale: the final picture made larger, by a model only if the scene asks for one."""

import time

import strata
from strata import builds
from strata.attempts import attempted
from strata.painting import paint
from strata.progress import logged
from strata.requests import Request

started = time.time()
picture = snakemake.output.picture
with logged(snakemake.log[0], picture) as log, attempted(picture, snakemake.params.spec) as spec:
    if spec["method"] == "lanczos":
        import PIL

        from strata import layers, upscaling

        made_by = {"strata": strata.__version__, "pillow": PIL.__version__}
        final = layers.read(snakemake.input.picture, "RGB", (spec["width"], spec["height"]))
        layers.write(picture, upscaling.lanczos(final, spec["factor"]), layers.provenance(spec, made_by))
        builds.record(picture, "enlarged", started)
    else:
        paint(
            Request(
                spec=spec,
                layer=picture,
                runtime=snakemake.config["runtime"],
                plate=(snakemake.input.picture,),
            ),
            log,
        )
