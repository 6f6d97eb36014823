"""What a process that builds again and again says of each build, in a word."""

READY, WELL, FAILED, STOPPED = "ready", "well", "failed", "stopped"
"""Before the first build, and at the end of each."""
