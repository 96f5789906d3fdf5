"""The exact allocator: whole lots with the least distance to the targets plus leftover cash, by branch and bound.

Minimises sum(|t_i - u_i x_i|) + (budget - sum(u_i x_i)) over integers 0 <= x_i <= ceil(t_i / u_i) with
sum(u_i x_i) <= budget. Ties: fewest lots above target, then more lots for the first symbol. Amounts are scaled to
integers, so that equal is equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

NODES_MAX = 60_000
SYMBOLS_MAX = 200


def allocate(
    targets: Sequence[Decimal], units: Sequence[Decimal], budget: Decimal, start: Sequence[int]
) -> tuple[int, ...] | None:
    """Lots per symbol in the order given, or `None` when the search is not finished within its budget of nodes.

    `start` is any answer within the budget; it only saves work.
    """
    if len(targets) > SYMBOLS_MAX:
        return None
    scale = Decimal(10) ** max((_decimals(value) for value in (*targets, *units, budget)), default=0)
    search = _Search(
        targets=[int(t * scale) for t in targets],
        units=[int(u * scale) for u in units],
        budget=int(budget * scale),
    )
    return search.run(start)


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@dataclass(slots=True)
class _Search:
    """Depth first over symbols, from the ceiling of each ideal downwards; prunes by the linear relaxation."""

    targets: list[int]
    units: list[int]
    budget: int
    nodes: int = 0
    best: tuple[int, int] = (0, 0)
    answer: tuple[int, ...] | None = None
    # Per depth, the spare lots of the symbols from there on as (gain, unit), dearest gain per unit first.
    spares: list[list[tuple[int, int]]] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)

    def run(self, start: Sequence[int]) -> tuple[int, ...] | None:
        count = len(self.targets)
        spent = sum(u * n for u, n in zip(self.units, start))
        above = sum(1 for t, u, n in zip(self.targets, self.units, start) if u * n > t)
        distance = sum(abs(t - u * n) for t, u, n in zip(self.targets, self.units, start))
        # One lot above target more than `start` has, so that an equal answer that comes first is still found.
        self.best = (distance + self.budget - spent, above + 1)
        self.spares = [self._spares_from(i) for i in range(count + 1)]
        self.whole = [sum(t // u * u for t, u in self._from(i)) for i in range(count + 1)]
        self.rest = [sum(self.targets[i:]) for i in range(count + 1)]
        finished = self._visit(0, self.budget, 0, (0, ()))
        return self.answer if finished else None

    def _from(self, depth: int) -> list[tuple[int, int]]:
        return list(zip(self.targets[depth:], self.units[depth:]))

    def _spares_from(self, depth: int) -> list[tuple[int, int]]:
        pairs = [(t % u, u) for t, u in self._from(depth) if t % u]
        return sorted(pairs, key=lambda pair: (-Decimal(pair[0]) / pair[1], pair))

    def _visit(self, depth: int, cash: int, distance: int, chosen: tuple[int, tuple[int, ...]]) -> bool:
        """False once the node budget is spent; `distance` is of the symbols before `depth`, `cash` what they left."""
        above, lots = chosen
        self.nodes += 1
        if self.nodes > NODES_MAX:
            return False
        if depth == len(self.targets):
            value = (distance + cash, above)
            if value < self.best:
                self.best, self.answer = value, lots
            return True
        target, unit = self.targets[depth], self.units[depth]
        floor, spare = divmod(target, unit)
        top = min(floor + (1 if spare else 0), cash // unit)
        for count in range(top, -1, -1):
            gap = abs(target - unit * count)
            over = above + (1 if unit * count > target else 0)
            left = cash - unit * count
            if self._hopeless(depth + 1, left, distance + gap, over):
                if count <= floor:
                    break
                continue
            if not self._visit(depth + 1, left, distance + gap, (over, (*lots, count))):
                return False
        return True

    def _hopeless(self, depth: int, cash: int, distance: int, above: int) -> bool:
        """True if no completion can beat the best answer so far; fewer lots at a lower count are only worse."""
        whole = self.whole[depth]
        bound = distance + self.rest[depth] + cash
        if whole >= cash:
            bound -= 2 * cash
        else:
            bound -= 2 * whole + _best_spares(self.spares[depth], cash - whole)
        return bound > self.best[0] or (bound == self.best[0] and above >= self.best[1])


def _best_spares(spares: Sequence[tuple[int, int]], cash: int) -> int:
    """The most that fractions of spare lots can take off the objective with `cash`, rounded up."""
    gain = 0
    for spare, unit in spares:
        if unit >= cash:
            return gain + -(-2 * spare * cash // unit)
        gain += 2 * spare
        cash -= unit
    return gain
