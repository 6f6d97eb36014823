"""The command `strata`: one file for each verb. May import every room.

A verb's module has `add_arguments(parser)` and `run(arguments)`; its docstring is the verb's help.
"""
