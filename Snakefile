"""Strata: a picture in layers, described by config.yaml, painted by diffusion models, built like software.

    results/background.png         text to image, or a picture of your own
    results/masks/<subject>.png    drawn
    results/found, depth, checks/  what models see in layers, where the scene asks for it
    results/subjects/<subject>.png inpainting on the plate of all that lies beneath
    results/effects/<effect>.png   text to image
    results/refined.png            image to image over the flattened layers, where the scene asks for it
    results/final.png              flattened and finished; final@2x.png and final@4x.png are larger
    results/final.psd, final.ora   the layers for other programs; view.html is a page to look at

scenes/<name>.yaml builds under results/<name>/ in the same way.
"""

import sys

from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, f"{workflow.current_basedir}/scripts")

from strata.workflow.build import check_config, open_build


configfile: check_config(workflow, "config.yaml")


build = open_build(workflow)
scenes = build.add(config)


wildcard_constraints:
    scene=scenes.wildcard,  # the folder of a scene with its slash, or nothing
    subject=scenes.layer_wildcard,  # a name is a file's name: no slash, no dot
    effect=scenes.layer_wildcard,
    layer=scenes.layer_wildcard,
    factor="2|4",
    sweep=scenes.layer_wildcard,


rule all:
    """Every scene's final picture, the exports that it lists, and what is said of the subjects that it has checked."""
    input:
        scenes.pictures(),
        scenes.exports,
        scenes.checks,


rule models:
    """The models on the hub, fetched ahead and locked to a commit: builds then need no network."""
    log:
        "logs/models.log",
    localrule: True
    conda:
        "envs/diffusion.yaml"
    params:
        spec=scenes.hub_models,
    script:
        "scripts/fetch.py"


rule scene:
    """The effective scene: defaults filled in, overrides merged."""
    input:
        unpack(scenes.inputs("scene")),
    output:
        scene=update("results/{scene}scene.yaml"),
    log:
        "logs/{scene}scene.log",
    benchmark:
        "logs/{scene}scene.tsv"
    group:
        build.group
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        spec=scenes.spec("scene"),
    script:
        "scripts/scene.py"


rule mask:
    """Where a subject goes: white on black, feathered."""
    input:
        unpack(scenes.inputs("mask")),
    output:
        mask=update("results/{scene}masks/{subject}.png"),
    log:
        "logs/{scene}masks/{subject}.log",
    benchmark:
        "logs/{scene}masks/{subject}.tsv"
    priority: 1  # a bad mask is found before a model is loaded
    group:
        build.group
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        spec=scenes.spec("mask"),
    script:
        "scripts/mask.py"


rule background:
    """The first layer: text to image, or an image of your own, painted anew or as it is."""
    input:
        unpack(scenes.inputs("background")),
    output:
        layer=report(
            update("results/{scene}background.png"), **scenes.in_report("pass", layer="background", kind="background")
        ),
    log:
        "logs/{scene}background.log",
    benchmark:
        "logs/{scene}background.tsv"
    group:
        build.group
    conda:
        "envs/diffusion.yaml"
    threads: build.threads
    resources:
        gpu=scenes.gpu,
        mem_mb=8000,
        runtime=60,
    params:
        spec=scenes.spec("background"),
        runtime=scenes.runtime,  # recorded by no rule: how a job runs paints nothing again
    script:
        "scripts/paint.py"


use rule background as find with:
    """What the text of a mask names, found in the picture as far as a layer."""
    input:
        unpack(scenes.inputs("find")),
    output:
        layer=update("results/{scene}found/{subject}.png"),
    log:
        "logs/{scene}found/{subject}.log",
    benchmark:
        "logs/{scene}found/{subject}.tsv"
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        spec=scenes.spec("find"),


use rule find as depth with:
    """How near everything is in the picture as far as a layer, estimated by a model."""
    input:
        unpack(scenes.inputs("depth")),
    output:
        layer=update("results/{scene}depth/{layer}.png"),
    log:
        "logs/{scene}depth/{layer}.log",
    benchmark:
        "logs/{scene}depth/{layer}.tsv"
    params:
        spec=scenes.spec("depth"),


use rule background as subject with:
    """A subject, painted into its mask on the plate of all that lies beneath, and cut out; or an image."""
    input:
        unpack(scenes.inputs("subject")),
    output:
        layer=report(
            update("results/{scene}subjects/{subject}.png"),
            **scenes.in_report("pass", layer="{subject}", kind="subject"),
        ),
    log:
        "logs/{scene}subjects/{subject}.log",
    benchmark:
        "logs/{scene}subjects/{subject}.tsv"
    params:
        spec=scenes.spec("subject"),


use rule find as check with:
    """Whether a subject's mask shows what it is to show."""
    input:
        unpack(scenes.inputs("check")),
    output:
        layer=update("results/{scene}checks/{subject}.png"),
        verdict=update("results/{scene}checks/{subject}.json"),
    log:
        "logs/{scene}checks/{subject}.log",
    benchmark:
        "logs/{scene}checks/{subject}.tsv"
    params:
        spec=scenes.spec("check"),


use rule background as effect with:
    """A layer such as fog: text to image on its own, or an image."""
    input:
        unpack(scenes.inputs("effect")),
    output:
        layer=report(
            update("results/{scene}effects/{effect}.png"), **scenes.in_report("pass", layer="{effect}", kind="effect")
        ),
    log:
        "logs/{scene}effects/{effect}.log",
    benchmark:
        "logs/{scene}effects/{effect}.tsv"
    params:
        spec=scenes.spec("effect"),


use rule find as refine with:
    """The flattened layers, painted anew a little, so that light and grain agree. Only where the scene asks for it."""
    input:
        unpack(scenes.inputs("refine")),
    output:
        layer=report(update("results/{scene}refined.png"), **scenes.in_report("pass", layer="refined", kind="refine")),
    log:
        "logs/{scene}refined.log",
    benchmark:
        "logs/{scene}refined.tsv"
    params:
        spec=scenes.spec("refine"),


rule composite:
    """The layers flattened, bottom to top, and finished."""
    input:
        unpack(scenes.inputs("composite")),
    output:
        picture=report(update("results/{scene}final.png"), **scenes.in_report("final", picture="final")),
    log:
        "logs/{scene}final.log",
    benchmark:
        "logs/{scene}final.tsv"
    group:
        build.group
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=scenes.spec("composite"),
    script:
        "scripts/composite.py"


rule upscale:
    """The final picture, 2 or 4 times as wide and as high."""
    input:
        unpack(scenes.inputs("upscale")),
    output:
        picture=report(
            update("results/{scene}final@{factor}x.png"),
            **scenes.in_report("upscale", picture="enlarged {factor} times"),
        ),
    log:
        "logs/{scene}final@{factor}x.log",
    benchmark:
        "logs/{scene}final@{factor}x.tsv"
    group:
        build.group
    conda:
        "envs/diffusion.yaml"
    threads: build.threads
    resources:
        gpu=scenes.upscale_gpu,
        mem_mb=8000,
        runtime=60,
    params:
        spec=scenes.spec("upscale"),
        runtime=scenes.runtime,
    script:
        "scripts/upscale.py"


rule psd:
    """The layers with their masks, for Photoshop, Krita, GIMP and others."""
    input:
        unpack(scenes.inputs("psd")),
    output:
        file=update("results/{scene}final.psd"),
    log:
        "logs/{scene}final.psd.log",
    benchmark:
        "logs/{scene}final.psd.tsv"
    group:
        build.group
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        spec=scenes.spec("psd"),
    script:
        "scripts/export.py"


use rule psd as openraster with:
    """The layers, for Krita, GIMP 3, MyPaint and others."""
    input:
        unpack(scenes.inputs("openraster")),
    output:
        file=update("results/{scene}final.ora"),
    log:
        "logs/{scene}final.ora.log",
    benchmark:
        "logs/{scene}final.ora.tsv"
    params:
        spec=scenes.spec("openraster"),


use rule psd as view with:
    """The layers as one page to look at, without a network."""
    input:
        unpack(scenes.inputs("view")),
    output:
        file=report(update("results/{scene}view.html"), **scenes.in_report("view", picture="page")),
    log:
        "logs/{scene}view.log",
    benchmark:
        "logs/{scene}view.tsv"
    params:
        spec=scenes.spec("view"),


rule sweep:
    """The pictures of a sweep side by side, and the values behind them."""
    input:
        unpack(scenes.inputs("sweep")),
    output:
        sheet=report(
            update("results/sweeps/{sweep}.png"), category="Sweeps", labels={"sweep": "{sweep}", "as": "sheet"}
        ),
        table=update("results/sweeps/{sweep}.tsv"),
    log:
        "logs/sweeps/{sweep}.log",
    benchmark:
        "logs/sweeps/{sweep}.bench.tsv"
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=scenes.spec("sweep"),
    script:
        "scripts/sweep.py"


rule sweep_view:
    """The sheet of a sweep as a page, with links to its cells."""
    input:
        unpack(scenes.inputs("sweep_view")),
    output:
        file=report(update("results/sweeps/{sweep}.html"), category="Sweeps", labels={"sweep": "{sweep}", "as": "page"}),
    log:
        "logs/sweeps/{sweep}.page.log",
    benchmark:
        "logs/sweeps/{sweep}.page.tsv"
    conda:
        "envs/imaging.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=scenes.spec("sweep_view"),
    script:
        "scripts/sweep_view.py"
