"""Reading traces from Arc Core's API."""

import http.client
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from arc_semconv.api import TraceDetail, TracePage, TraceSummary

from arc_core.demo._exit import DemoError, Exit

SECONDS: Final = 10.0

Shape = TypeVar("Shape")


class Traces:
    """The traces that the Arc Core at `url` holds; each method raises DemoError when it does not answer as agreed."""

    def __init__(self, url: str) -> None:
        self._url = url

    def of(self, service: str) -> list[TraceSummary]:
        """Return the newest traces of `service`, newest first."""
        page = self._get(f"/api/v1/traces?service={quote(service)}", TracePage)
        return [trace for trace in page.traces if trace.service == service]

    def detail(self, trace_id: str) -> TraceDetail:
        """Return one trace with all its spans."""
        return self._get(f"/api/v1/traces/{trace_id}", TraceDetail)

    def page(self, trace_id: str) -> str:
        """Return the URL at which a browser shows the trace."""
        return f"{self._url}/traces/{trace_id}"

    def _get(self, path: str, shape: type[Shape]) -> Shape:
        # http.client rather than urllib: it knows no proxies, and the way to 127.0.0.1 must not lead through one.
        where = urlsplit(self._url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status != HTTPStatus.OK:
                raise DemoError(f"Arc Core answered GET {path} with status {response.status}", Exit.NO_TELEMETRY)
            return msgspec.json.decode(body, type=shape)
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise DemoError(f"Arc Core could not answer GET {path}: {error}", Exit.NO_TELEMETRY) from error
        finally:
            connection.close()
