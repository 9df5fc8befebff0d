"""Where a running Arc Core says that it is up, for the commands of the same user on the same machine.

The note is a file that Arc Core holds a lock on while it runs. The lock ends with the process, however that ends, so a
note without one is of the past: no process id or port that somebody else has by now is ever taken for Arc Core's.
"""

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["NoteError", "RunningCore", "is_held", "note_path", "read_note", "runtime_folder"]

_LONGEST: Final = 65536
"""Bytes of a note; more is none of Arc Core's."""


class RunningCore(msgspec.Struct, frozen=True, kw_only=True):
    """One Arc Core that is up."""

    pid: int
    http: str
    """URL of OTLP over HTTP, the API and the workbench, without a path."""
    grpc: str
    """`HOST:PORT` of OTLP over gRPC."""
    data: str
    """Folder of its database."""
    keyed: bool
    """Whether it lets in only those who have its API key."""


class NoteError(Exception):
    """The note cannot be trusted, or not be read; the message names the file and says why."""


def runtime_folder(env: Mapping[str, str], home: Path) -> Path:
    """`$XDG_RUNTIME_DIR/arc`, else `arc/run` in `$XDG_STATE_HOME` or `~/.local/state`.

    Source: XDG Base Directory Specification 0.8, by which a relative path is ignored. Never a folder that others can
    write to, such as /tmp.
    """
    runtime, state = Path(env.get("XDG_RUNTIME_DIR", "")), Path(env.get("XDG_STATE_HOME", ""))
    if runtime.is_absolute():
        return runtime / "arc"
    return (state if state.is_absolute() else home / ".local" / "state") / "arc" / "run"


def note_path(env: Mapping[str, str], home: Path) -> Path:
    """The file of the note; a home may be shared by several machines, so it bears this one's name."""
    return runtime_folder(env, home) / f"core-{socket.gethostname()}.json"


def read_note(path: Path) -> RunningCore | None:
    """The Arc Core of this user that is up; None when there is none.

    Raise NoteError when the file is not this user's alone to write.
    """
    file = _opened(path)
    if file is None:
        return None
    try:
        _check_owner(path, os.fstat(file))
        return _decoded(path, os.read(file, _LONGEST)) if _is_locked(file) else None
    finally:
        os.close(file)


def is_held(path: Path) -> bool:
    """Whether the process that wrote the note, or is to, has not ended; it may be about to."""
    file = _opened(path)
    if file is None:
        return False
    try:
        return _is_locked(file)
    finally:
        os.close(file)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoteError(f"{path} cannot be read: {error.strerror}") from None


def _is_locked(file: int) -> bool:
    import fcntl  # not on Windows, where there are no notes

    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise NoteError(f"{path} belongs to another user: set XDG_RUNTIME_DIR to a folder of yours, or unset it")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NoteError(f"{path} can be written by other users: delete it")


def _decoded(path: Path, text: bytes) -> RunningCore | None:
    if not text:
        return None  # it is about to be written, or to end
    try:
        return msgspec.json.decode(text, type=RunningCore)
    except msgspec.DecodeError as error:
        raise NoteError(f"{path} is no note of this version of Arc Core: {error}") from None
