"""All that knows Snakemake: the functions of wildcards that rules ask, a build's begin and end, records, a rule's script.

May import every room below. Nothing below imports it.
"""
