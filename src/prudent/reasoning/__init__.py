"""How a decision of a language model comes about: facts, prompts, passes, and what may be read from its answers."""
