"""Many questions at once: p values of a family, corrected so that one false yes in the whole family is rare."""

from collections.abc import Sequence

import numpy as np

from prudent.domain.errors import InputError


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """The family's p values after Holm's step-down correction (1979), in the order given.

    Refusing the null where the corrected value is at most a level keeps one or more false refusals in the family at
    that level, whatever the dependence between the questions.
    """
    values = np.asarray(p, dtype=np.float64)
    if not bool(np.all((values >= 0.0) & (values <= 1.0))):
        raise InputError(f"p values must lie between 0 and 1, were {', '.join(f'{each:g}' for each in values)}")
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return tuple(float(each) for each in corrected)
