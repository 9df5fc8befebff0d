"""All of Arc that runs in the user's process."""

__all__ = ["flush"]


def flush(timeout_seconds: float = 3.0) -> bool:
    """Whether every span and event that ended before this call is with its endpoint, within `timeout_seconds`.

    For the end of a serverless handler, before the platform freezes the process. False: not yet. What could not be
    delivered is in the spool, or still on its way. Never raises, and does nothing where Arc is off.
    """
    # Imported on use: everything below `arc_runtime` imports this module.
    from arc_runtime.export import flush as flush_all

    return flush_all(timeout_seconds)
