"""Passes of diffusion models: the only place that imports torch and diffusers, and that only where a pass is painted."""
