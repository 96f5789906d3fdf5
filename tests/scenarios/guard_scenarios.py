"""One scenario for every guard of the assembled list, by guard id; `rule:KIND` stands for a kind of user rule."""

from tests.scenarios.guard_book import BOOK, RULES
from tests.scenarios.guard_futures import FUTURES
from tests.scenarios.guard_margin import MARGIN
from tests.scenarios.guard_stage import Scenario
from tests.scenarios.guard_world import WORLD

RULE_STORIES = {f"rule:{kind}": story for kind, story in RULES.items()}
SCENARIOS: dict[str, Scenario] = {**WORLD, **BOOK, **FUTURES, **MARGIN, **RULE_STORIES}
