"""Scenarios of the guards of futures, on the simulated venue: the plan and the list of instruments say what is one."""

from dataclasses import replace

from tests.scenarios.guard_stage import Scenario, Stage

from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.orders import Effect
from prudent.marketdata.instruments import InstrumentMaster


class FutureLater(InstrumentMaster):
    """A list in which AAPL becomes a future while the cycle runs, and nobody knows its dates."""

    changed = False

    def find(self, symbol: str) -> Instrument | None:
        found = super().find(symbol)
        if found is not None and symbol == "AAPL" and self.changed:
            return replace(found, kind=InstrumentKind.FUTURE)
        return found


def become_a_future(stage: Stage) -> None:
    names = FutureLater()
    stage.desk.instruments = names
    stage.after["guard"] = lambda: setattr(names, "changed", True)


def roll_ko_into_aapl(stage: Stage) -> None:
    """The plan marks its two orders as the legs of a roll."""
    stage.orders(lambda order: (replace(order, roll="KO>AAPL"),))


FUTURES = {
    "D18": Scenario(story="a future whose dates are not known", arrange=become_a_future),
    "P25": Scenario(
        story="the old month would be sold, and the new one may not be bought", held={"KO": 100},
        arrange=roll_ko_into_aapl, watch=("KO", Effect.CLOSE), mandate={"universe": ["KO"]},
    ),
}  # fmt: skip
