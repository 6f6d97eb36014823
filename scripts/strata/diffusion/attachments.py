"""What a pass adds to a loaded pipeline for as long as it runs: another sampler, LoRA adapters, a style, the weight
of a reference.

Pipelines are kept for the next pass and share their parts. So everything is taken away again, however the pass ends, and
weights are never merged: what is left is what was there before, to the bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from PIL import Image

from strata.diffusion import patches
from strata.diffusion.lora import with_loras
from strata.diffusion.pipelines import Loaded, place
from strata.diffusion.reference_weight import with_reference_weight
from strata.diffusion.schedulers import with_scheduler
from strata.diffusion.speed import fresh_cache
from strata.passes import DiffusionPass


@contextmanager
def attached(
    loaded: Loaded, spec: DiffusionPass, files: Mapping[str, str], styled_after: Image.Image | None
) -> Iterator[dict[str, Any]]:
    """Lends a pipeline what a pass asks for.

    Args:
        files: the absolute paths of the files that the pass names, by their names in it.
        styled_after: the reference for style, "RGB"; None where the pass has none.

    Yields:
        the arguments with which the pipeline is to be called beside those of the pass.

    Raises:
        StrataError: the pipeline has no such thing, or a file does not fit the model.
    """
    pipeline = loaded.pipeline
    with ExitStack() as lent:
        if spec["clip_skip"]:
            lent.enter_context(patches.clip_text_model(pipeline))
        if spec["scheduler"]:
            lent.enter_context(with_scheduler(pipeline, spec["scheduler"]))
        arguments = {}
        with_parts = bool(spec["loras"] or spec["style"])
        if hooked := with_parts and _has_offload_hooks(pipeline):
            # What moves a pipeline's parts about must know the new ones, and must be gone when they go.
            pipeline.remove_all_hooks()
            lent.callback(place, loaded)
        if spec["loras"]:
            lent.enter_context(with_loras(pipeline, spec["model"]["id"], spec["loras"], files))
        if spec["style"]:
            assert styled_after is not None  # what a pass looks at is read before it begins
            from strata.diffusion.ip_adapter import with_style  # here: its imports take a second, and are rarely needed

            arguments = lent.enter_context(
                with_style(pipeline, spec["model"]["id"], spec["style"], styled_after, files)
            )
        if hooked:
            place(loaded)
            lent.callback(pipeline.remove_all_hooks)
        if spec["reference_weight"] not in (None, 1):
            lent.enter_context(with_reference_weight(pipeline, spec["reference_weight"]))
        lent.enter_context(fresh_cache(pipeline, spec["model"].get("speed")))
        # The last, so that adapters are in place by whose names prompts are told apart.
        lent.enter_context(loaded.prompts.lent_to(pipeline, [spec["loras"], spec["clip_skip"]]))
        yield arguments


def _has_offload_hooks(pipeline: Any) -> bool:
    return any(hasattr(part, "_hf_hook") for part in pipeline.components.values())
