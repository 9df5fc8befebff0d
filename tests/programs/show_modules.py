"""Prints which of the instrumented libraries, and of the backend's, were imported though it imports none."""

import sys

for name in ("openai", "langgraph", "langchain_core", "chdb", "grpc", "starlette", "rich", "typer"):
    if name in sys.modules:
        print(name)
