"""A call of a client that Stainless generated: `request(cast_to, options, ...)`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from arc_semconv import attributes as semconv

from arc_runtime.fixes import Afterwards, Refusal, Request
from arc_runtime.instrumentation._account import Attributes, Content, Facts, Said
from arc_runtime.instrumentation._fixing import Arguments
from arc_runtime.instrumentation._model_call import Fold, Hold, ModelCall
from arc_runtime.instrumentation._streams import Watcher
from arc_runtime.instrumentation.stainless import _answers, _restoring, _timeouts
from arc_runtime.instrumentation.stainless._api import Api

__all__ = ["ApiCall", "body_of", "options_of"]


_IDEMPOTENCY: Final = "idempotency-key"


class ApiCall(ModelCall):
    """A call of one API; `args[0]` is the type to cast to, `args[1]` the request's options."""

    def __init__(  # noqa: PLR0913 - what `describe` found
        self,
        api: Api,
        request: Request,
        known: Attributes,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        *,
        client: object = None,
        mends: bool = True,
    ) -> None:
        self._api = api
        self._request = request
        self._known = known
        self._arguments = arguments
        self._client = client
        self._mends = mends

    @property
    def request(self) -> Request:
        """Body, provider, API and host."""
        return self._request

    def start_attributes(self, body: Mapping[str, object]) -> Attributes:
        """Operation, provider, server, who asks, and the model."""
        attributes = dict(self._known)
        if isinstance(model := body.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = model
        return attributes

    @property
    def request_attributes(self) -> Facts:
        """Parameters and the kind of API."""
        return self._api.request_attributes

    @property
    def content_fields(self) -> Sequence[str]:
        """Those of the API."""
        return self._api.content_fields

    @property
    def content(self) -> Content:
        """Messages and tool definitions."""
        return self._api.request_content

    def reply(self, result: object, hold: Hold | None) -> Said:
        """What an answer, or a raw response that holds one, says."""
        fields = _answers.fields_of(result, self._api.answer_fields)
        return partial(self._api.reply, fields if hold is None else hold(fields))

    def fold(self) -> Fold:
        """A fold over the chunks of the answer."""
        return self._api.fold(self._request.body)

    @property
    def mends(self) -> bool:
        """Whether the caller lets this call be mended: not with the header `X-Arc-Fixes: off`."""
        return self._mends

    def with_body(self, body: Mapping[str, object]) -> Arguments:
        """The same arguments with options whose body is `body`; the caller's options stay as they are."""
        # `extra_json` is what a caller's extra_body adds last: it is in `body` already.
        return self._with_options({"json_data": dict(body), "extra_json": None})

    def _with_options(self, update: dict[str, object]) -> Arguments:
        args, kwargs = self._arguments
        options = options_of(args, kwargs).model_copy(update=update)
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs

    def refusal(self, error: BaseException) -> Refusal | None:
        """What the provider answered: only before the first byte of an answer does a call raise such an error."""
        status = getattr(error, "status_code", None)
        return Refusal.of(status, getattr(error, "body", None)) if isinstance(status, int) else None

    def again(self, body: Mapping[str, object], elapsed_seconds: float) -> Arguments | None:
        """The same arguments with `body`, one attempt, and what is left of the caller's time."""
        options = options_of(*self._arguments)
        left = _timeouts.left(options.timeout, getattr(self._client, "timeout", None), elapsed_seconds)
        if left is _timeouts.NOTHING:
            return None
        # The provider knows the caller's key of idempotency by the request that it refused.
        once = {"timeout": left, "max_retries": 0, "idempotency_key": None}
        if isinstance(headers := options.headers, Mapping):
            once["headers"] = {name: value for name, value in headers.items() if name.lower() != _IDEMPOTENCY}
        return self._with_options({"json_data": dict(body), "extra_json": None, **once})

    @property
    def restores(self) -> bool:
        """Not where the caller reads the raw response by himself."""
        return not _restoring.is_raw(*self._arguments)

    def restore(self, result: object, afterwards: Afterwards) -> None:
        """Tools have the caller's names again, and the text ends where he wants it to."""
        _restoring.restore(result, afterwards)

    def error_attributes(self, error: BaseException) -> Attributes:
        """The HTTP status and the API's own code and parameter, where there were any."""
        attributes: Attributes = {}
        if isinstance(status := getattr(error, "status_code", None), int):
            attributes[semconv.HTTP_STATUS_CODE] = status
        if isinstance(code := getattr(error, "code", None), str | int):
            attributes[semconv.ERROR_CODE] = str(code)
        if isinstance(param := getattr(error, "param", None), str):
            attributes[semconv.ERROR_PARAM] = param
        return attributes

    def watch(self, result: object, watcher: Watcher) -> bool:
        """Watch a stream, or a response whose body is still to be read."""
        return _answers.watch(result, watcher)


def body_of(options: Any) -> dict[str, object]:
    """The body as the client will send it: `extra_body` is laid over the rest, field by field."""
    body = options.json_data if isinstance(options.json_data, dict) else {}
    extra = getattr(options, "extra_json", None)
    return {**body, **extra} if extra and isinstance(extra, Mapping) else body


def options_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The options of a request."""
    return kwargs["options"] if "options" in kwargs else args[1]
