"""PLAN: how to get from the book we have to the book we want; pure, and says no to nothing but wrong input."""

from prudent.pipeline.plan.make import make_plan
from prudent.pipeline.plan.spend import phase_two

__all__ = ["make_plan", "phase_two"]
