"""The channels that a configuration names, each under a name of its own that holds no secret."""

from collections import Counter
from collections.abc import Sequence

from prudent.notify.apprise_channel import AppriseChannel
from prudent.notify.webhook import Webhook
from prudent.ports import Clock, Notifier

WEBHOOK = "webhook"


def channels(
    urls: Sequence[str], *, webhook: tuple[str, str] | None, clock: Clock, secrets: Sequence[str] = ()
) -> tuple[Notifier, ...]:
    """A channel per Apprise URL, named by its scheme and numbered from the second on, then the webhook.

    A URL that Apprise does not know fails when something is sent to it: it must not keep a desk from starting.
    """
    found: list[Notifier] = []
    used = Counter({WEBHOOK: 1})
    for url in urls:
        scheme = url.partition("://")[0].lower()[:24] or "url"
        used[scheme] += 1
        name = scheme if used[scheme] == 1 else f"{scheme}-{used[scheme]}"
        found.append(AppriseChannel(url, name=name, secrets=secrets))
    if webhook is not None:
        found.append(Webhook(url=webhook[0], secret=webhook[1], clock=clock))
    return tuple(found)
