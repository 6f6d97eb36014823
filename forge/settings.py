"""Settings: one file, with overrides, split into what each stage of the forge reads."""

import argparse
from pathlib import Path

import yaml

STAGES: dict[str, tuple[str, ...]] = {
    "landscapes": ("landscapes",),
    "subjects": ("subjects",),
    "pictures": ("pictures",),
    "decoder": ("device", "seed", "decoder"),
    "text_to_image": ("device", "seed", "text", "unet", "noise", "optimizer", "text_to_image"),
    "inpainting": ("device", "seed", "text", "unet", "noise", "optimizer", "inpainting"),
    "export": ("text", "unet", "noise", "sampling", "decoder", "text_to_image", "inpainting"),
    "judges": ("judges",),
    "evaluation": ("device", "seed", "evaluation"),
}
"""The settings that each stage reads: a change of any other key does not make it stale."""


def merged(base: dict, over: dict) -> dict:
    """Return `base` with `over` on top: mappings merge, anything else replaces. A key that `base` lacks is an error."""
    result = dict(base)
    for key, value in over.items():
        if key not in base:
            raise KeyError(f"The setting {key!r} does not exist; known here: {', '.join(base)}.")
        result[key] = merged(base[key], value) if isinstance(base[key], dict) else value
    return result


def load(path: Path) -> dict:
    """Read one file of settings."""
    return yaml.safe_load(path.read_text())


def write_stages(files: list[Path], folder: Path) -> None:
    """Merge files of settings, later ones on top, and write one file for each stage into `folder`."""
    settings = load(files[0])
    for path in files[1:]:
        settings = merged(settings, load(path))
    folder.mkdir(parents=True, exist_ok=True)
    for stage, keys in STAGES.items():
        (folder / f"{stage}.yaml").write_text(yaml.safe_dump({key: settings[key] for key in keys}, sort_keys=False))


def main() -> None:
    """Write what each stage reads."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    write_stages(args.files, args.output)


if __name__ == "__main__":
    main()
