"""Asking Arc Core what it holds."""

import os
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from arc_semconv.api import Problem, TraceDetail, TracePage
from arc_semconv.attributes import API_KEY_HEADER
from arc_semconv.running import NoteError, RunningCore, note_path, read_note

from arc_runtime.cli._errors import CoreError, NothingThereError, UsageError
from arc_runtime.settings import Settings, masked

if TYPE_CHECKING:
    import http.client

__all__ = ["Core", "chosen_core", "found_core"]

T = TypeVar("T")

_SECONDS: Final = 5.0
"""Longest time that one answer is waited for."""
_WAY_OUT: Final = "start it with `arc core`, or name one that runs with --core URL or ARC_CORE_URL"


class Core(msgspec.Struct, frozen=True):
    """One Arc Core, by its API; each method raises CoreError when it does not answer as agreed."""

    url: str
    """Without a final slash."""
    key: str | None = None

    def traces(self, *, limit: int = 50, **wanted: str) -> TracePage:
        """A page of traces, newest first; `wanted` are parameters of `/api/v1/traces`, empty ones left out."""
        query = urlencode({"limit": limit, **{name: value for name, value in wanted.items() if value}})
        return self._get(f"/api/v1/traces?{query}", TracePage)

    def trace(self, trace_id: str) -> TraceDetail:
        """The trace with this id (32 hex digits); raise NothingThereError when there is none."""
        return self._get(f"/api/v1/traces/{quote(trace_id)}", TraceDetail)

    def page(self, trace_id: str) -> str:
        """The URL at which a browser shows the trace."""
        return f"{self.url}/traces/{trace_id}"

    def is_up(self) -> bool:
        """Whether it answers as Arc Core, with or without the right key."""
        try:
            status, _ = self._ask("/api/v1/health")
        except CoreError:
            return False
        return status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)

    def _get(self, path: str, shape: type[T]) -> T:
        status, body = self._ask(path)
        if status != HTTPStatus.OK:
            raise self._refusal(status, body)
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.DecodeError as error:
            raise CoreError(f"what answers at {masked(self.url)} is no Arc Core of this version: {error}") from None

    def _ask(self, path: str) -> tuple[int, bytes]:
        from http.client import HTTPException  # with email and ssl: not for every command

        parts = urlsplit(self.url)
        headers = {API_KEY_HEADER: self.key} if self.key else {}
        try:
            with closing(self._connection()) as connection:
                connection.request("GET", f"{parts.path}{path}", headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
        except (OSError, UnicodeError, HTTPException) as error:
            raise CoreError(f"no Arc Core answers at {masked(self.url)} ({error}): {_WAY_OUT}") from None

    def _connection(self) -> "http.client.HTTPConnection":
        import http.client
        import ssl

        # http.client knows no proxies: the way to 127.0.0.1 must not lead through one.
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=os.environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE") or None)
            return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=_SECONDS, context=context)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)

    def _refusal(self, status: int, body: bytes) -> CoreError | NothingThereError:
        try:
            said = msgspec.json.decode(body, type=Problem).error
        except msgspec.DecodeError:
            said = "what answers is no Arc Core"
        if status == HTTPStatus.NOT_FOUND and said.startswith("no trace"):
            return NothingThereError(f"{said}; `arc traces` lists those there are")
        if status == HTTPStatus.UNAUTHORIZED:
            said += "; set ARC_API_KEY, which goes to the address that ARC_ENDPOINT names, and nowhere else"
        return CoreError(f"{masked(self.url)} answers {status}: {said}")


def chosen_core(url: str | None, env: Mapping[str, str]) -> Core:
    """The Arc Core to ask: at `url`, where ARC_CORE_URL or ARC_ENDPOINT says, else the one of this user that runs.

    Raise UsageError when `url` is none, CoreError when nothing says where one is.
    """
    named = {"ARC_CORE_URL": url} if url else {}
    settings, _ = Settings.from_env({**env, **named})
    if url and settings.core_url is None:
        raise UsageError(f"--core {masked(url)!r} is no URL such as http://127.0.0.1:4318")
    if settings.api_url is not None:
        return Core(settings.api_url, settings.api_key if settings.api_keyed else None)
    running = found_core(env)
    if running is None:
        raise CoreError(f"no Arc Core of yours runs on this machine: {_WAY_OUT}")
    return Core(running.http)


def found_core(env: Mapping[str, str]) -> RunningCore | None:
    """The Arc Core of this user that runs on this machine and answers; raise CoreError when its note can't be trusted.

    It is not told the API key, which belongs to ARC_ENDPOINT.
    """
    if os.name != "posix":
        return None
    try:
        running = read_note(note_path(env, Path.home()))
    except NoteError as error:
        raise CoreError(str(error)) from None
    except RuntimeError:  # a user without a home, as in some containers
        return None
    return running if running is not None and Core(running.http).is_up() else None
