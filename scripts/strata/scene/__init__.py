"""Config -> what each rule must know: one typed mapping a layer.

Standard library and YAML only, so that reading a Snakefile stays fast: no Pillow, no NumPy, no torch. May import the ground
floor, and of `models` what says which files a model is.
"""
