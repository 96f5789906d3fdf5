"""A world drawn from one number, in which the real desk runs and everything around it lies, breaks and dies."""
