"""The workbench: files that `make workbench` builds into `arc_core/web/dist`."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

DIST: Final = Path(__file__).parent / "dist"

_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
_MISSING: Final = "The workbench is not built. Run `make workbench` in the Arc repository, then start Arc Core again.\n"


def workbench_routes(dist: Path = DIST) -> list[BaseRoute]:
    """One route for all that is not the API: files of `dist`, and its index page for every other path."""
    return [Route("/{path:path}", _endpoint(_files(dist.resolve())), methods=["GET"])]


def _endpoint(files: Mapping[str, Path]) -> Callable[[Request], Awaitable[Response]]:
    async def file(request: Request) -> Response:
        path: str = request.path_params["path"]
        if path == "v1" or path.startswith("v1/"):
            raise HTTPException(404, "there is nothing here; OTLP is POST to /v1/traces, /v1/logs and /v1/metrics")
        if path.startswith("assets/"):  # named after their content by the build, so they never change
            found = files.get(path)
            return (
                PlainTextResponse("no such asset\n", 404) if found is None else FileResponse(found, headers=_FOR_EVER)
            )
        page = files.get(path) or files.get("index.html")
        return PlainTextResponse(_MISSING, 503) if page is None else FileResponse(page, headers=_ASK_AGAIN)

    return file


def _files(dist: Path) -> dict[str, Path]:
    """Return the files inside `dist` by their path: what a request names is looked up, and never touches the disk."""
    return {found.relative_to(dist).as_posix(): found for found in dist.rglob("*") if found.is_file()}
