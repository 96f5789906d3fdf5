"""The words of the trade as frozen types: standard library and numpy only, no input or output of any kind."""
