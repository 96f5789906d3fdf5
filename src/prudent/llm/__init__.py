"""Language models behind `ports.LanguageModel`: one adapter a kind, and what stands around them (cache, budgets)."""
