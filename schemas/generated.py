"""Files that a script of this folder makes from the schemas: written, or checked by CI."""

import sys
from pathlib import Path


def write_or_check(path: Path, text: str, command: list[str]) -> int:
    """Writes `text` to a file, or with --check only says whether the file holds it. Returns the exit code.

    Args:
        command: the script and its arguments.
    """
    if "--check" not in command:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    print(f"{path.name} is out of step with the schemas. Run python {command[0]}", file=sys.stderr)
    return 1
