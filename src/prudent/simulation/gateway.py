"""The gateway between one owner's desk and the venue: sessions, order ids, held orders, lists that are not ready."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prudent.domain.orders import OrderIntent
from prudent.simulation.faults import Weather
from prudent.simulation.timeline import Timeline
from prudent.simulation.venue import Venue, VenueOrder

# No order is out of sight for as long as the quiet time of 60 seconds that a proof of absence waits for, but for longer
# than a hasty one does: each below it, lists that are up to 10 seconds old included.
SYNC_SECONDS = 25.0
HELD_SECONDS = 50.0
LATE_SECONDS = 45.0
HICCUP_SECONDS = 20.0
BETWEEN_HICCUPS = 120.0
# What came late is shown before the lists may have their next hiccup, or both together would hide it for too long.
SHOWN_AFTER_LATE = 90.0


@dataclass(slots=True, eq=False)
class Held:
    """An order that the gateway shows, with permId 0, and that has not reached the venue."""

    intent: OrderIntent
    order_id: int
    at: datetime
    lost: bool = False
    hidden: bool = False


class Gateway:
    """Honest in two things only: whether its upstream is up, and that it is itself again 60 seconds after a break.

    `lag` scales these seconds to the venue's quiet time; at 0 it has no moods, as a venue without quiet time promises.
    """

    def __init__(self, name: str, venue: Venue, timeline: Timeline, weather: Weather) -> None:
        self.name = name
        self.venue = venue
        self.weather = weather
        self.lag = venue.lag
        self.session = 0
        self.owner: object | None = None
        self.upstream = True
        self.quiet_since = timeline.now
        self.restarted = timeline.now - timedelta(days=1)
        self.mood = ""
        self.refuses_until = timeline.now
        self.next_id = 1
        self.highest_id = 0
        self.held: list[Held] = []
        self._timeline = timeline
        self._rejects_until = timeline.now
        self._hiccup_until = timeline.now - timedelta(days=1)
        self._steady_until = timeline.now

    # Connections: one socket at a time holds the client id.

    def connect(self, who: object) -> bool:
        """Open a session for `who`; refused while another socket holds the client id."""
        if self.owner is who:
            return True
        if self.owner is not None or self._timeline.now < self.refuses_until:
            return False
        self.owner = who
        self.session += 1
        self.quiet_since = self._timeline.now
        self._timeline.trace.add(f"  {self.name} session {self.session} begins")
        return True

    def drop(self) -> None:
        """The socket is gone; the same client id may take a moment to be free again."""
        self.owner = None
        wait = 2.0
        if self.weather.strikes("client_id_in_use"):
            wait = self.weather.seconds(5.0, 90.0)
        self.refuses_until = self._timeline.now + timedelta(seconds=wait)

    def closed_by(self, who: object) -> None:
        """A process ended: its socket ends with it."""
        if self.owner is who:
            self.drop()

    def restart(self) -> None:
        """The gateway program starts anew: new sessions, perhaps other ids, lists that are not ready yet."""
        self.owner = None
        self.restarted = self._timeline.now
        self.refuses_until = self._timeline.now + timedelta(seconds=self.weather.seconds(2.0, 30.0))
        if not self.lag:
            return
        self.mood = self.weather.one_of("lists_empty", "lists_partial") or ""
        if self.weather.strikes("order_ids_roll_back"):
            self.next_id = max(1, self.next_id - 1 - self.weather.pick(5))
        for held in list(self.held):
            if self.weather.strikes("held_lost"):
                self.held.remove(held)
            elif self.mood:
                # It is in none of the lists until it reaches the venue.
                held.hidden = True

    def lose_upstream(self) -> None:
        """Error 1100: connected to the gateway, which is connected to nothing."""
        self.upstream = False

    def regain_upstream(self) -> None:
        """Error 1102: what was held goes out, at once or a little later."""
        self.upstream = True
        self.quiet_since = self._timeline.now
        for held in list(self.held):
            wait = 0.0
            if self.weather.strikes("held_sent_late"):
                wait = self.weather.seconds(0.5, HELD_SECONDS) * self.lag
            self._timeline.after(wait, f"{self.name} sends {held.intent.order_ref}", self._sender(held))

    def reset_upstream(self) -> None:
        """Error 1101: the upstream is back, and everything must be asked for again."""
        self.quiet_since = self._timeline.now
        self.mood = "lists_partial" if self.lag else ""
        self.restarted = self._timeline.now

    def heal(self) -> None:
        """The faults are over: the link comes up and stays up, and the program is itself."""
        self.refuses_until = self._timeline.now
        self._rejects_until = self._hiccup_until = self._timeline.now
        if not self.upstream:
            self.regain_upstream()

    def hiccup(self) -> None:
        """For some seconds the lists end with rows missing, in the middle of a quiet day; not twice within minutes."""
        now = self._timeline.now
        if self.lag and now >= max(self._hiccup_until + timedelta(seconds=BETWEEN_HICCUPS), self._steady_until):
            self._hiccup_until = now + timedelta(seconds=self.weather.seconds(2.0, HICCUP_SECONDS) * self.lag)

    def comes_late(self, seconds: float) -> None:
        """An order is on its way here and takes that long."""
        steady = self._timeline.now + timedelta(seconds=seconds + SHOWN_AFTER_LATE)
        self._steady_until = max(self._steady_until, steady)

    @property
    def synced(self) -> bool:
        """Whether lists show all that there is."""
        if self._timeline.now < self._hiccup_until:
            return False
        return not self.mood or self._timeline.now >= self.restarted + timedelta(seconds=SYNC_SECONDS * self.lag)

    # Orders

    def receive(self, intent: OrderIntent, order_id: int) -> VenueOrder | Held:
        """A whole order has arrived here."""
        self.highest_id = max(self.highest_id, order_id)
        self.next_id = max(self.next_id, order_id + 1)
        if self.lag:
            if not self.upstream:
                return self._hold(intent, order_id, lost=False)
            kind = self.weather.one_of("perm_id_zero", "perm_id_zero_lost")
            if kind is not None:
                held = self._hold(intent, order_id, lost=kind == "perm_id_zero_lost")
                wait = self.weather.seconds(0.2, LATE_SECONDS) * self.lag
                self._timeline.after(wait, f"{self.name} sends {intent.order_ref}", self._sender(held))
                return held
        if self.weather.strikes("rejected_in_a_row"):
            self._rejects_until = self._timeline.now + timedelta(seconds=60)
        if self._timeline.now < self._rejects_until or self.weather.strikes("rejected"):
            return self.venue.refuse(intent, order_id, "201 order rejected by the venue")
        return self.venue.accept(intent, order_id)

    def _hold(self, intent: OrderIntent, order_id: int, *, lost: bool) -> Held:
        held = Held(intent, order_id, self._timeline.now, lost)
        self.held.append(held)
        return held

    def _sender(self, held: Held) -> "_Send":
        return _Send(self, held)

    def forward(self, held: Held) -> None:
        """A held order goes to the venue, if it is still there to go."""
        if held not in self.held or not self.upstream:
            return
        self.held.remove(held)
        if not held.lost:
            self.venue.accept(held.intent, held.order_id)

    def holds(self, account: str, order_ref: str) -> Held | None:
        return next((h for h in self.held if (h.intent.account, h.intent.order_ref) == (account, order_ref)), None)


@dataclass(slots=True)
class _Send:
    gateway: Gateway
    held: Held

    def __call__(self) -> None:
        self.gateway.forward(self.held)
