"""The web process: what machines ask it (is it alive, can it work, its figures); pages and the API come on top."""
