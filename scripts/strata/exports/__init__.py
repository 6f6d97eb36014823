"""The finished scene for other programs: PSD, OpenRaster, the page; and the way back from a picture to its scene.

May import `scene` and `imaging`, and what lies beneath them. What the Snakefile's reading imports of it (`spec`) needs no Pillow.
"""
