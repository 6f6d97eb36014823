"""Strata's library: a scene described by a config, painted in layers."""

__version__ = "0.1.0"
