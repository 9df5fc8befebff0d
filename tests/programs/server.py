"""A web application of a user's, once for WSGI servers and once for ASGI servers: one span a request."""

import os

from opentelemetry import trace

tracer = trace.get_tracer("server")


def wsgi(environ, start_response):
    with tracer.start_as_current_span(environ["PATH_INFO"]) as span:
        span.set_attribute("worker", os.getpid())
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    with tracer.start_as_current_span(scope["path"]) as span:
        span.set_attribute("worker", os.getpid())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
