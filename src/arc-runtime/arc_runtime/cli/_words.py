"""The words behind `arc run` as the command that is started."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from arc_runtime.cli._errors import UsageError

__all__ = ["command_of"]

_PYTHON_FILES = (".py", ".pyw", ".pyc", ".pyz")
_LONGEST_LINE = 256


class ProgramNotFoundError(UsageError):
    """There is no such program; the status is that of a shell."""

    exit_code = 127


class NotExecutableError(UsageError):
    """There is such a file, for another interpreter than Python; the status is that of a shell."""

    exit_code = 126


def command_of(words: Sequence[str]) -> list[str]:
    """What to execute for `words`: a Python file, folder or `-m module`, else a command on PATH.

    Python is the one that `arc` itself runs in: that is where Arc is installed. Raise UsageError when it is neither.
    """
    first, *rest = words
    if first == "-m":
        if not rest:
            raise UsageError("-m needs the name of a module, for example: arc run -m uvicorn app:app")
        return [sys.executable, *words]
    if first.startswith("-"):
        raise UsageError(f"{first!r} is no option of arc run; for one of Python's: arc run python {first} app.py")
    if _is_python(first):
        if _is_for_another(Path(first)):
            raise NotExecutableError(f"{first!r} can't be executed: chmod +x {first}, or name what runs it")
        return [sys.executable, *words]
    found = shutil.which(first)
    if found is None:
        raise ProgramNotFoundError(f"there is no file {first!r} here, and no command of that name on PATH")
    return [found, *rest]


def _is_python(name: str) -> bool:
    path = Path(name)
    if path.suffix in _PYTHON_FILES:
        if not path.exists():
            raise UsageError(f"there is no file {name!r} in {Path.cwd()}")
        return True
    # A script that can be executed says itself what by; without a slash a shell would look on PATH alone.
    is_module = path.is_dir() and (path / "__main__.py").is_file()
    return is_module or (path.is_file() and not os.access(path, os.X_OK) and shutil.which(name) is None)


def _is_for_another(path: Path) -> bool:
    """Whether its first line names an interpreter that is not Python."""
    if not path.is_file() or path.suffix in _PYTHON_FILES:
        return False
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except OSError:
        return False  # Python says what is wrong with it
    return line.startswith(b"#!") and b"python" not in line
