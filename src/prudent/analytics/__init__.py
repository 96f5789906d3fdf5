"""Mathematics on arrays: no market, no account and no clock here."""
