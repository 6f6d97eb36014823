"""Runs of diffusion models: pipelines, inference, placement on devices, samplers, LoRA, IP-Adapter, upscalers.

The only room that imports torch and diffusers. It knows passes and pictures, and neither Snakemake nor the config; it may
import the ground floor, `models` and `imaging`.
"""
