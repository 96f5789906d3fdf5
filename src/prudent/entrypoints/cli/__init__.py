"""The command line: thin functions over workflows and views, answered as tables or as one JSON document."""
