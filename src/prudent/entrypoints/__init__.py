"""Doors to the outside: each turns a request into calls of workflows and views, and holds no rule of its own."""
