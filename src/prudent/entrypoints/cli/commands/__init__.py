"""The commands, one module per subject; what is heavy is imported when a command runs, so that help stays instant."""
