"""The three long messages about an order: placing it, showing it while open, showing it when completed."""

from prudent.gateway.codec.rows import Table, amount, filled, fixed, flag, many, maybe, price, text, when, whole
from prudent.gateway.codec.shared import (
    BENCHMARK,
    CONDITIONS,
    CONTRACT,
    NEUTRAL,
    ORDER_LEGS,
    SCALE,
    SHOWN,
    TAGS,
    is_best,
    is_combo,
    offsets_follow,
)

_RANGE = amount("startingPrice stockRefPrice delta stockRangeLower stockRangeUpper")
_VOLATILE = amount("volatility") + maybe("volatilityType") + text("deltaNeutralOrderType")
_ALGO = text("algoStrategy") + when(filled("algoStrategy"), many("algoParams", TAGS))
_NEUTRAL_CONTRACT = flag("hasNeutral") + when(filled("hasNeutral"), NEUTRAL)
_SCALE_SIZES = maybe("scaleInitLevelSize scaleSubsLevelSize") + amount("scalePriceIncrement")
_FACTS = amount("lmtPrice auxPrice") + text("tif ocaGroup account openClose") + whole("origin") + text("orderRef")
_AS_SHOWN = text("settlingFirm") + whole("shortSaleSlot") + text("designatedLocation") + maybe("exemptCode")
_MINIMA = maybe("minTradeQty minCompeteSize", since=170) + amount(
    "competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf", since=170
)

PLACE = Table(id=3, name="placeOrder", rows=(
    whole("orderId") + CONTRACT + text("secIdType secId action") + amount("totalQuantity") + text("orderType") + _FACTS
    + flag("transmit") + whole("parentId") + flag("blockOrder sweepToFill") + whole("displaySize triggerMethod")
    + flag("outsideRth hidden")
    + when(is_combo, ORDER_LEGS)
    + fixed("") + amount("discretionaryAmt") + text("goodAfterTime goodTillDate faGroup faMethod faPercentage")
    + text("faProfile", until=176)
    + text("modelCode") + whole("shortSaleSlot") + text("designatedLocation") + maybe("exemptCode") + whole("ocaType")
    + text("rule80A settlingFirm") + flag("allOrNone") + maybe("minQty") + amount("percentOffset")
    + flag("eTradeOnly firmQuoteOnly") + amount("nbboPriceCap") + whole("auctionStrategy") + _RANGE
    + flag("overridePercentageConstraints") + _VOLATILE + amount("deltaNeutralAuxPrice")
    + when(filled("deltaNeutralOrderType"),
           whole("deltaNeutralConId")
           + text("deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent")
           + text("deltaNeutralOpenClose") + flag("deltaNeutralShortSale") + whole("deltaNeutralShortSaleSlot")
           + text("deltaNeutralDesignatedLocation"))
    + flag("continuousUpdate") + maybe("referencePriceType") + amount("trailStopPrice trailingPercent")
    + _SCALE_SIZES + SCALE
    + text("scaleTable activeStartTime activeStopTime hedgeType") + when(filled("hedgeType"), text("hedgeParam"))
    + flag("optOutSmartRouting") + text("clearingAccount clearingIntent") + flag("notHeld")
    + _NEUTRAL_CONTRACT + _ALGO
    + text("algoId") + flag("whatIf") + text("orderMiscOptions") + flag("solicited randomizeSize randomizePrice")
    + BENCHMARK + CONDITIONS
    + text("adjustedOrderType") + amount("triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice")
    + amount("adjustedTrailingAmount") + whole("adjustableTrailingUnit")
    + text("extOperator softDollarName softDollarValue") + amount("cashQty")
    + text("mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo")
    + flag("dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo")
    + maybe("duration", since=158) + maybe("postToAts", since=160) + flag("autoCancelParent", since=162)
    + text("advancedErrorOverride", since=166) + text("manualOrderTime", since=169)
    + when(lambda values: values.get("exchange") == "IBKRATS", maybe("minTradeQty"), since=170)
    + when(is_best, maybe("minCompeteSize") + amount("competeAgainstBestOffset"), since=170)
    + when(offsets_follow, amount("midOffsetAtWhole midOffsetAtHalf"), since=170)
))  # fmt: skip

OPEN = Table(id=5, name="openOrder", rows=(
    whole("orderId") + SHOWN + text("action") + amount("totalQuantity") + text("orderType") + _FACTS
    + whole("clientId permId") + flag("outsideRth hidden") + amount("discretionaryAmt") + text("goodAfterTime")
    + fixed("") + text("faGroup faMethod faPercentage") + text("faProfile", until=176)
    + text("modelCode goodTillDate rule80A") + amount("percentOffset") + _AS_SHOWN
    + whole("auctionStrategy") + _RANGE + whole("displaySize") + flag("blockOrder sweepToFill allOrNone")
    + maybe("minQty") + whole("ocaType") + flag("eTradeOnly firmQuoteOnly") + amount("nbboPriceCap")
    + whole("parentId triggerMethod") + _VOLATILE + amount("deltaNeutralAuxPrice")
    + when(filled("deltaNeutralOrderType"),
           whole("deltaNeutralConId")
           + text("deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent")
           + text("deltaNeutralOpenClose") + flag("deltaNeutralShortSale") + whole("deltaNeutralShortSaleSlot")
           + text("deltaNeutralDesignatedLocation"))
    + flag("continuousUpdate") + maybe("referencePriceType") + amount("trailStopPrice trailingPercent basisPoints")
    + maybe("basisPointsType") + text("comboLegsDescrip") + ORDER_LEGS
    + _SCALE_SIZES + SCALE
    + text("hedgeType") + when(filled("hedgeType"), text("hedgeParam"))
    + flag("optOutSmartRouting") + text("clearingAccount clearingIntent") + flag("notHeld")
    + _NEUTRAL_CONTRACT + _ALGO
    + flag("solicited whatIf") + text("status")
    + price("initMarginBefore maintMarginBefore equityWithLoanBefore initMarginChange maintMarginChange")
    + price("equityWithLoanChange initMarginAfter maintMarginAfter equityWithLoanAfter")
    + price("commission minCommission maxCommission") + text("commissionCurrency warningText")
    + flag("randomizeSize randomizePrice") + BENCHMARK + CONDITIONS
    + text("adjustedOrderType") + amount("triggerPrice trailStopPrice lmtPriceOffset adjustedStopPrice")
    + amount("adjustedStopLimitPrice adjustedTrailingAmount") + whole("adjustableTrailingUnit")
    + text("softDollarName softDollarValue softDollarShown") + amount("cashQty")
    + flag("dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo")
    + maybe("duration", since=158) + maybe("postToAts", since=160) + flag("autoCancelParent", since=162)
    + _MINIMA
))  # fmt: skip

COMPLETED = Table(id=101, name="completedOrder", rows=(
    SHOWN + text("action") + amount("totalQuantity") + text("orderType") + _FACTS
    + whole("permId") + flag("outsideRth hidden") + amount("discretionaryAmt") + text("goodAfterTime")
    + text("faGroup faMethod faPercentage") + text("faProfile", until=176)
    + text("modelCode goodTillDate rule80A") + amount("percentOffset") + _AS_SHOWN
    + _RANGE + whole("displaySize") + flag("sweepToFill allOrNone") + maybe("minQty") + whole("ocaType triggerMethod")
    + _VOLATILE + amount("deltaNeutralAuxPrice")
    + when(filled("deltaNeutralOrderType"),
           whole("deltaNeutralConId") + flag("deltaNeutralShortSale") + whole("deltaNeutralShortSaleSlot")
           + text("deltaNeutralDesignatedLocation"))
    + flag("continuousUpdate") + maybe("referencePriceType") + amount("trailStopPrice trailingPercent")
    + text("comboLegsDescrip") + ORDER_LEGS
    + _SCALE_SIZES + SCALE
    + text("hedgeType") + when(filled("hedgeType"), text("hedgeParam"))
    + text("clearingAccount clearingIntent") + flag("notHeld")
    + _NEUTRAL_CONTRACT + _ALGO
    + flag("solicited") + text("status") + flag("randomizeSize randomizePrice") + BENCHMARK + CONDITIONS
    + amount("trailStopPrice lmtPriceOffset cashQty") + flag("dontUseAutoPriceForHedge isOmsContainer")
    + text("autoCancelDate") + amount("filledQuantity") + whole("refFuturesConId") + flag("autoCancelParent")
    + text("shareholder") + flag("imbalanceOnly routeMarketableToBbo") + whole("parentPermId")
    + text("completedTime completedStatus")
    + _MINIMA
))  # fmt: skip
