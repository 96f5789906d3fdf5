"""How often a login may be tried; times are counted by hand."""

from datetime import UTC, datetime, timedelta

from prudent.access.throttle import ACCOUNT_TRIES, ADDRESS_TRIES, WAITS, WINDOW, Attempt, Throttle

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ZERO = timedelta()
ANN = Attempt(account="ann", address="192.0.2.7")


def seconds(count: float) -> datetime:
    return START + timedelta(seconds=count)


def tried(throttle: Throttle, attempt: Attempt, at: datetime) -> datetime:
    """Try once, waiting first if told to; when it was admitted."""
    wait = throttle.admit(attempt, at)
    if wait > ZERO:
        at += wait
        assert throttle.admit(attempt, at) == ZERO
    return at


def spend(throttle: Throttle, attempt: Attempt, tries: int, *, at: datetime) -> datetime:
    """Try `tries` times; when the last one was admitted."""
    for _ in range(tries):
        at = tried(throttle, attempt, at)
    return at


def test_the_limits_are_five_an_account_and_twenty_an_address_in_a_quarter_of_an_hour() -> None:
    assert (5, 20, timedelta(minutes=15)) == (ACCOUNT_TRIES, ADDRESS_TRIES, WINDOW)


def test_waits_grow_with_every_failure_of_an_account() -> None:
    throttle, at, waits = Throttle(), START, []
    for _ in range(ACCOUNT_TRIES):
        wait = throttle.admit(ANN, at)
        waits.append(wait)
        if wait:
            at += wait
            assert throttle.admit(ANN, at) == ZERO
    assert waits == [timedelta(seconds=s) for s in (0, 0, 1, 4, 16)]
    assert waits == list(WAITS)


def test_the_sixth_try_of_an_account_waits_for_the_window_to_pass() -> None:
    throttle = Throttle()
    last = spend(throttle, ANN, ACCOUNT_TRIES, at=START)
    assert last == seconds(21)
    # The first try was at 0 s, so the next may come at 900 s.
    assert throttle.admit(ANN, last) == WINDOW - timedelta(seconds=21)
    assert throttle.admit(ANN, seconds(899.5)) == timedelta(seconds=0.5)
    assert throttle.admit(ANN, seconds(900)) == ZERO


def test_nobody_is_locked_out_for_ever() -> None:
    throttle = Throttle()
    last = spend(throttle, ANN, 50, at=START)
    # Five in each window: the fiftieth try comes in the tenth.
    assert last < START + 10 * WINDOW
    assert throttle.admit(ANN, last + WINDOW) == ZERO


def test_a_refused_try_is_not_counted() -> None:
    throttle = Throttle()
    spend(throttle, ANN, ACCOUNT_TRIES, at=START)
    for second in range(30, 890, 10):
        assert throttle.admit(ANN, seconds(second)) > ZERO
    assert throttle.admit(ANN, seconds(900)) == ZERO


def test_tries_at_once_count_before_any_has_failed() -> None:
    throttle = Throttle()
    admitted = [throttle.admit(Attempt(account=f"user-{n}", address="192.0.2.7"), START) == ZERO for n in range(100)]
    assert admitted == [True] * ADDRESS_TRIES + [False] * (100 - ADDRESS_TRIES)


def test_many_guesses_from_one_address_are_twenty_in_a_quarter_of_an_hour() -> None:
    throttle, guesses = Throttle(), 0
    for guess in range(10_000):
        attempt = Attempt(account=f"user-{guess % 50}", address="192.0.2.7")
        guesses += throttle.admit(attempt, START + WINDOW * guess / 10_001) == ZERO
    assert guesses == ADDRESS_TRIES


def test_an_ipv6_subscriber_is_one_address() -> None:
    throttle = Throttle()
    for n in range(ADDRESS_TRIES):
        assert throttle.admit(Attempt(account=f"user-{n}", address=f"2001:db8:1:2::{n:x}"), START) == ZERO
    assert throttle.admit(Attempt(account="other", address="2001:db8:1:2:ffff::1"), START) > ZERO
    assert throttle.admit(Attempt(account="other", address="2001:db8:1:3::1"), START) == ZERO
    for n in range(ADDRESS_TRIES):
        throttle.admit(Attempt(account=f"mapped-{n}", address="::ffff:192.0.2.9"), START)
    assert throttle.admit(Attempt(account="other", address="192.0.2.9"), START) > ZERO


def test_an_account_is_throttled_from_wherever_it_is_tried() -> None:
    throttle, at = Throttle(), START
    for n in range(ACCOUNT_TRIES):
        at = tried(throttle, Attempt(account="ann", address=f"198.51.100.{n}"), at)
    assert throttle.admit(Attempt(account="ann", address="203.0.113.1"), at) > timedelta(minutes=10)


def test_a_strangers_guesses_do_not_keep_out_a_device_that_is_known() -> None:
    throttle = Throttle()
    last = spend(throttle, Attempt(account="ann", address="203.0.113.9"), ACCOUNT_TRIES, at=START)
    mine = Attempt(account="ann", address="192.0.2.7", device="digest of an earlier session")
    assert throttle.admit(mine, last) == ZERO
    spend(throttle, mine, ACCOUNT_TRIES - 1, at=last)
    assert throttle.admit(mine, last + timedelta(minutes=1)) > ZERO


def test_a_success_forgets_the_failures_of_the_account_and_not_of_the_address() -> None:
    throttle = Throttle()
    last = spend(throttle, ANN, 4, at=START)
    assert throttle.succeeded(ANN) == 3
    assert throttle.admit(ANN, last) == ZERO
    assert throttle.succeeded(ANN) == 0
    # Three failures are still counted for the address, so seventeen others fit.
    others = [Attempt(account=f"user-{n}", address=ANN.address) for n in range(ADDRESS_TRIES)]
    assert [throttle.admit(each, last) == ZERO for each in others].count(True) == ADDRESS_TRIES - 3


def test_what_is_past_takes_no_room() -> None:
    throttle = Throttle()
    for n in range(4_096):
        throttle.admit(Attempt(account=f"user-{n}"), START)
    throttle.admit(ANN, START + WINDOW)
    assert len(throttle._tries) <= 3
