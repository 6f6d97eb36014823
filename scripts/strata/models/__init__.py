"""Which files a model is: the folder or the repository that a config means, what is locked, what is there, what is fetched.

No torch. May import the ground floor.
"""
