"""Who sends, as the transports ask it."""

from collections.abc import Awaitable, Callable, Mapping

from arc_core.model import Tenant

Authenticate = Callable[[Mapping[str, str]], Awaitable[Tenant]]
"""Whose telemetry a request with these headers (names in lower case) brings.

Raises UnauthenticatedError, ForbiddenError, or OverQuotaError.
"""
