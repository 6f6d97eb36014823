"""From a pass to its layer's PNG: the store, the worker and its client, the lock of a device, progress, the journal.

May import the ground floor, `models`, `imaging` and `diffusion`. What a job's process imports before it must paint is light:
torch and diffusers are imported only where a pass is painted.
"""
