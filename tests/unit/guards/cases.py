"""What each guard must say, by guard id: of the order in the scene, its outcome and the most that it lets through."""

from tests.unit.guards.cases_book import BOOK_CASES
from tests.unit.guards.cases_data import DATA_CASES
from tests.unit.guards.cases_futures import FUTURE_CASES
from tests.unit.guards.cases_margin import MARGIN_CASES
from tests.unit.guards.cases_rules import RULE_CASES
from tests.unit.guards.words import Case

CASES: dict[str, tuple[Case, ...]] = {**DATA_CASES, **BOOK_CASES, **FUTURE_CASES, **MARGIN_CASES, **RULE_CASES}
