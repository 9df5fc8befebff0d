"""The user's own entries, from a file of JSON or YAML that is read again when it changes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from arc_runtime.errors import ArcError, PatternError
from arc_runtime.fixes import _files
from arc_runtime.fixes._background import Background
from arc_runtime.fixes._entry import Entry
from arc_runtime.fixes._registry import Registry

__all__ = ["EntriesFileError", "UserFile", "entries_in"]

_LARGEST: Final = 16 * 1024 * 1024
_SECONDS: Final = 1.0
_FIELDS: Final = tuple(Entry.__struct_fields__)


class EntriesFileError(ArcError):
    """A file of entries that can't be used; the message says where and why."""


def entries_in(path: Path) -> list[Entry]:
    """The entries in `path`: a list of them, or a mapping with such a list under `entries`.

    EntriesFileError when it can't be read, PatternError when an entry is malformed.
    """
    data = _files.read(path, _LARGEST)
    if data is None:
        raise EntriesFileError(f"{path} is not there, can't be read, or is larger than {_LARGEST >> 20} MiB")
    found = _decoded(path, data)
    items = found.get("entries") if isinstance(found, Mapping) else found
    if not isinstance(items, list):
        raise EntriesFileError(f"{path} holds no list of entries, nor one under `entries`")
    entries = [_entry(path, number, item) for number, item in enumerate(items)]
    Registry(entries)
    return entries


def _decoded(path: Path, data: bytes) -> Any:
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            return msgspec.yaml.decode(data)
        return msgspec.json.decode(data)
    except ImportError as error:
        raise EntriesFileError(f"{path}: reading YAML needs PyYAML: pip install pyyaml, or write JSON") from error
    except msgspec.DecodeError as error:
        raise EntriesFileError(f"{path}: {' '.join(str(error).split())}") from error


def _entry(path: Path, number: int, item: Any) -> Entry:
    if not isinstance(item, dict):
        raise EntriesFileError(f"{path}, entry {number}: {item!r} is no mapping with `pattern` and `fix`")
    unknown = [str(key) for key in item if key not in _FIELDS]
    if unknown:
        raise PatternError(", ".join(unknown), f"an entry has no such field ({path}, entry {number})", allowed=_FIELDS)
    if "id" not in item and isinstance(item.get("pattern"), dict) and isinstance(item.get("fix", {}), dict):
        item = {"id": Entry.of(item["pattern"], item.get("fix", {})).id, **item}
    try:
        return msgspec.convert({**item, "origin": "user"}, Entry)
    except msgspec.ValidationError as error:
        raise EntriesFileError(f"{path}, entry {number}: {error}") from error


class UserFile:
    """Keeps the registry's layer of the file as the file is."""

    def __init__(self, registry: Registry, path: Path, warn: Callable[[str], None]) -> None:
        self._registry = registry
        self._path = path
        self._warn = warn
        self._seen: object = ()
        self._background = Background("arc-fixes-file", self._look, lambda error: warn(f"{path}: {error}"))
        self._look()

    def start(self) -> None:
        """Look at the file every second from now on."""
        self._background.start()

    def stop(self) -> None:
        """Look at it no more."""
        self._background.stop()

    def _look(self) -> float:
        try:
            stat = self._path.stat()
            now: object = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            now = None
        if now != self._seen:
            self._seen = now
            try:
                self._registry.replace("file", entries_in(self._path))
            except ArcError as error:  # what it said before stands
                self._warn(str(error))
        return _SECONDS
