"""What Alembic runs: the caller's connection and transaction, nothing else."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
