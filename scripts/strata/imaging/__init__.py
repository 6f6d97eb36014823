"""Pictures: masks, compositing, windows, tiles, colour match, PNG in and out. Pillow and NumPy alone, like envs/imaging.

Image functions read and write no file but in `png` and `pictures`, and change nothing in place. May import the ground floor.
"""
