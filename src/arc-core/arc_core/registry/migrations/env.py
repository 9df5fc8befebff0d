"""Alembic's entry: the connection comes from whoever opens the registry."""

from alembic import context

from arc_core.registry._tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
