"""A portfolio that a language model looks after in two passes: what is, then what to trade."""

from prudent.strategies.llm_portfolio.strategy import NAME, LlmPortfolio

__all__ = ["NAME", "LlmPortfolio"]
