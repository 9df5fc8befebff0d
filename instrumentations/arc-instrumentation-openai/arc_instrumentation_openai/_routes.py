"""Which API a request belongs to: one table from method and URL path.

Model calls are recognised by the end of the path, whatever base path, version or Azure deployment stands before it.
What other resources nest under the same words (`/vector_stores/{id}/files`) is only recognised at the root.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from arc_runtime.instrumentation.stainless import Api
from arc_semconv import attributes as semconv

from arc_instrumentation_openai._chat import CHAT
from arc_instrumentation_openai._completions import COMPLETIONS
from arc_instrumentation_openai._plain import EMBEDDINGS, bare_api, plain_api
from arc_instrumentation_openai._responses import COMPACTION, FETCHED, RESPONSES

__all__ = ["Route", "route"]


class Route(NamedTuple):
    """Where a request goes."""

    api: Api
    attributes: dict[str, str]
    """What the path itself says."""


_AT_ROOT: Final = r"(?:https?://[^/]+)?/?(?:(?:openai/)?v\d+/)?"
_ID: Final = r"(?P<id>[^/]+)"

_MODEL_CALLS: Final = (
    ("chat/completions", CHAT),  # before `completions`, the end of which it shares
    ("responses", RESPONSES),
    ("responses/compact", COMPACTION),
    ("embeddings", EMBEDDINGS),
    ("completions", COMPLETIONS),
    ("images/generations", plain_api("images.generate", "generate_content", "image")),
    ("images/edits", plain_api("images.edit", "generate_content", "image")),
    ("images/variations", plain_api("images.create_variation", "generate_content", "image")),
    ("audio/speech", plain_api("audio.speech", "generate_content", "speech")),
    ("audio/transcriptions", plain_api("audio.transcriptions", "generate_content", "text")),
    ("audio/translations", plain_api("audio.translations", "generate_content", "text")),
    ("moderations", plain_api("moderations.create")),
    ("responses/input_tokens", plain_api("responses.input_tokens")),
)
_RESOURCES: Final = (
    ("get", f"responses/{_ID}", FETCHED),
    ("post", f"responses/{_ID}/cancel", bare_api("responses.cancel")),
    ("delete", f"responses/{_ID}", bare_api("responses.delete")),
    ("post", "files", bare_api("files.create")),
    ("get", "files", bare_api("files.list")),
    ("get", "files/[^/]+", bare_api("files.retrieve")),
    ("get", "files/[^/]+/content", bare_api("files.content")),
    ("delete", "files/[^/]+", bare_api("files.delete")),
    ("post", "batches", bare_api("batches.create")),
    ("get", "batches", bare_api("batches.list")),
    ("get", "batches/[^/]+", bare_api("batches.retrieve")),
    ("post", "batches/[^/]+/cancel", bare_api("batches.cancel")),
)


@lru_cache(maxsize=256)
def route(method: str, url: str) -> Route | None:
    """Where a request of `method` (lower case) to `url`, a path or an absolute address, goes; None: nowhere of ours."""
    path = url.partition("?")[0].rstrip("/")
    if method == "post":
        for ending, api in _MODEL_CALLS:
            if path.endswith(ending) and (len(path) == len(ending) or path[-len(ending) - 1] == "/"):
                return Route(api, {})
    for verb, pattern, api in _RESOURCES:
        if verb == method and (found := re.fullmatch(_AT_ROOT + pattern, path)):
            response_id = found.groupdict().get("id")
            return Route(api, {semconv.RESPONSE_ID: response_id} if response_id else {})
    return None
