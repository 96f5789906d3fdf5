"""The revisions, in order; a revision is frozen once it is released."""
