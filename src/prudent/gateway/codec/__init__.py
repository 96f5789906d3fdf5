"""One table a message: which fields it has at which version; reading, writing and tests all go by it."""
