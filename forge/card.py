"""The model card of the embedded models."""

from forge.vocabulary import CONCEPTS

_CARD = """# The embedded models

Two small latent diffusion pipelines, trained from scratch by `forge/` on pictures that its own program draws: flat poster
landscapes, fog, and a few subjects. They are for trying the workflow and for its tests, on any machine, offline. They are not a
general image model: whatever is not in the vocabulary below means nothing to them.

| folder | what it does | loads with |
| --- | --- | --- |
| `text-to-image/` | landscapes and fog | `StableDiffusionPipeline`, `AutoPipelineForText2Image` |
| `inpainting/` | one subject in a mask, on a plate | `StableDiffusionInpaintPipeline`, `AutoPipelineForInpainting` |

```python
from diffusers import AutoPipelineForText2Image

pipeline = AutoPipelineForText2Image.from_pretrained("models/embedded/text-to-image", use_safetensors=True)
picture = pipeline("an alien desert at golden hour, two suns, rock formations", width=768, height=512).images[0]
```

Weights are fp16 safetensors, {size:.1f} MB in all. The tokenizer, the text encoder and the autoencoder are stored
once: `inpainting/` links to those of `text-to-image/`. A latent cell is 16 x 16 pixels. Both models are made for 768 x 512
pixels and a guidance scale of about 5 to 8.

## Vocabulary

A prompt is understood as a set of concepts, whatever its order and grammar. Words in one row mean the same.
If a prompt names neither a sun nor a moon, the sky has neither.

| concept | words |
| --- | --- |
{rows}

Landscapes are desert, dunes, meadow, sea, mountains and forest; all but meadow and forest can be alien. Times of day and
landscapes are for text to image, subjects and their colours for inpainting. In text to image a negative prompt takes the same
words; inpainting works without guidance, so that neither the guidance scale nor a negative prompt changes a subject.

## Limits

No people but astronauts, no animals, no text, no style but this one; one subject per mask, standing at the mask's foot and
filling it, in one pose. The detail of a picture ends at about ten pixels.

## Licence

MIT, like the repository: the weights were learned from nothing but pictures that it draws.
"""


def model_card(size: int) -> str:
    """Return the model card, for pipelines of `size` bytes."""
    rows = "\n".join(f"| {name} | {', '.join(words)} |" for name, words in CONCEPTS.items())
    return _CARD.format(size=size / 1e6, rows=rows)
