"""Who a person is and what they may do: passwords, sessions, tokens, sealed secrets and authority; no database here."""
