"""Venues behind the `Broker` port, each in a folder of its own; none knows another, none reads a clock itself."""
