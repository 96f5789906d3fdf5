"""Groups of fields that several messages share: contracts, legs, tags, conditions, scales."""

from collections.abc import Mapping
from typing import Any

from prudent.gateway.codec.rows import amount, filled, flag, many, maybe, text, when, whole

CONTRACT = (
    whole("conId") + text("symbol secType expiry") + amount("strike")
    + text("right multiplier exchange primaryExchange currency localSymbol tradingClass")
)  # fmt: skip
"""As requests name a contract: twelve fields."""

SHOWN = (
    whole("conId") + text("symbol secType expiry") + amount("strike")
    + text("right multiplier exchange currency localSymbol tradingClass")
)  # fmt: skip
"""As most answers name a contract: without the primary exchange."""

HELD = (
    whole("conId") + text("symbol secType expiry") + amount("strike")
    + text("right multiplier primaryExchange currency localSymbol tradingClass")
)  # fmt: skip
"""As the portfolio names a contract: with the primary exchange only."""

QUOTED_LEGS = many("legs", whole("conId ratio") + text("action exchange"))
ORDER_LEGS = (
    many("legs", whole("conId ratio") + text("action exchange") + whole("openClose shortSaleSlot")
         + text("designatedLocation") + maybe("exemptCode"))
    + many("legPrices", amount("price"))
    + many("comboParams", text("tag value"))
)  # fmt: skip

NEUTRAL = whole("neutralConId") + amount("neutralDelta neutralPrice")
TAGS = text("tag value")


def is_combo(values: Mapping[str, Any]) -> bool:
    return values.get("secType") == "BAG"


def is_benchmark(values: Mapping[str, Any]) -> bool:
    return values.get("orderType") in ("PEG BENCH", "PEGBENCH")


def is_best(values: Mapping[str, Any]) -> bool:
    return values.get("orderType") in ("PEG BEST", "PEGBEST")


def offsets_follow(values: Mapping[str, Any]) -> bool:
    """True where the two offsets from the middle are said: pegged to it, or to the best without a limit of its own."""
    against = values.get("competeAgainstBestOffset")
    up_to_mid = is_best(values) and against is not None and str(against) in ("Infinity", "Infinite")
    return up_to_mid or values.get("orderType") in ("PEG MID", "PEGMID")


def scales(values: Mapping[str, Any]) -> bool:
    increment = values.get("scalePriceIncrement")
    return increment not in (None, "") and float(increment) > 0


SCALE = when(
    scales,
    amount("scalePriceAdjustValue") + maybe("scalePriceAdjustInterval") + amount("scaleProfitOffset")
    + flag("scaleAutoReset") + maybe("scaleInitPosition scaleInitFillQty") + flag("scaleRandomPercent"),
)  # fmt: skip

BENCHMARK = when(
    is_benchmark,
    whole("referenceContractId") + flag("isPeggedChangeAmountDecrease")
    + amount("peggedChangeAmount referenceChangeAmount") + text("referenceExchangeId"),
)  # fmt: skip


def _of_type(*types: int) -> Any:
    return lambda values: values.get("condType") in types


CONDITIONS = many(
    "conditions",
    whole("condType") + text("conjunction")
    + when(_of_type(5), text("ofSecType ofExchange ofSymbol"))
    + when(_of_type(1, 3, 4, 6, 7), flag("isMore"))
    + when(_of_type(1), amount("price") + whole("conId") + text("ofExchange") + whole("triggerMethod"))
    + when(_of_type(3), text("time"))
    + when(_of_type(4), whole("percent"))
    + when(_of_type(6), whole("volume conId") + text("ofExchange"))
    + when(_of_type(7), amount("changePercent") + whole("conId") + text("ofExchange")),
) + when(filled("conditions"), flag("conditionsIgnoreRth conditionsCancelOrder"))  # fmt: skip
