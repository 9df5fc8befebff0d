"""The workbench: files that `make workbench` builds into `arc_core/web/dist`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

DIST: Final = Path(__file__).parent / "dist"

_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
_MISSING: Final = "The workbench is not built. Run `make workbench` in the Arc repository, then reload this page.\n"


def workbench_routes(dist: Path = DIST) -> list[BaseRoute]:
    """One route for all that is not the API: files of `dist`, and its index page for every other path."""
    return [Route("/{path:path}", _endpoint(dist.resolve()), methods=["GET"])]


def _endpoint(dist: Path) -> Callable[[Request], Awaitable[Response]]:
    async def file(request: Request) -> Response:
        path: str = request.path_params["path"]
        if path == "v1" or path.startswith("v1/"):
            return PlainTextResponse("there is nothing here; OTLP is POST /v1/traces and POST /v1/logs\n", 404)
        found = _file(dist, path)
        if path.startswith("assets/"):  # named after their content by the build, so they never change
            return (
                PlainTextResponse("no such asset\n", 404) if found is None else FileResponse(found, headers=_FOR_EVER)
            )
        page = found or _file(dist, "index.html")
        return PlainTextResponse(_MISSING, 503) if page is None else FileResponse(page, headers=_ASK_AGAIN)

    return file


def _file(dist: Path, path: str) -> Path | None:
    """Return the file at `path` inside `dist`; None when there is none, or it lies outside."""
    if "\0" in path:
        return None
    found = (dist / path).resolve()
    return found if found.is_relative_to(dist) and found.is_file() else None
