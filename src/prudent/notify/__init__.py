"""Channels to a person: Apprise services and a signed webhook, and what a finished cycle has to tell."""
