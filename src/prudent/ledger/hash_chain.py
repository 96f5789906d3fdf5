"""The audit chain: each row's hash covers the one before, so any edit, gap, insertion or cut is found and named."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prudent.domain.records import Json, canonical

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One audit row; `body` is the canonical JSON text of what happened, time, event and account included."""

    seq: int
    owner: str
    body: str
    prev: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A head of the chain kept outside the database; rows up to it can be neither cut nor rewritten unseen."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first row that does not hold, and what is wrong with it."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """`rows` is the number of rows that hold from the first on; `head` is the last of them.

    `warnings` are odd and no proof of a change; `anchored` is the last head that a signed anchor confirms.
    """

    rows: int
    head: Anchor
    broken: Broken | None
    warnings: tuple[str, ...] = ()
    anchored: Anchor | None = None

    @property
    def holds(self) -> bool:
        return self.broken is None


def link_hash(prev: str, seq: int, owner: str, body: str) -> str:
    """SHA-256 over previous hash, sequence number, owner and canonical body."""
    return hashlib.sha256(f"{prev}|{seq}|{owner}|{body}".encode()).hexdigest()


def spelled(data: Json) -> str:
    """The canonical text of what `encode` gave, which is free of floats.

    ASCII keys sort alike by code point and by UTF-16 unit, so the plain encoder spells them the same and faster.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text if text.isascii() else canonical(data).decode()


def append(head: Anchor, owner: str, event: Json) -> Link:
    """The row that follows `head`."""
    body = spelled(event)
    seq = head.seq + 1
    return Link(seq=seq, owner=owner, body=body, prev=head.hash, hash=link_hash(head.hash, seq, owner, body))


def verify(
    links: Iterable[Link], *, owner: str, anchor: Anchor | None = None, anchors: Mapping[int, str] | None = None
) -> ChainReport:
    """Walk the chain in stored order and stop at the first row that does not hold.

    `anchors` are hashes by row number that were kept outside; `anchor` is one more.
    """
    kept = {**(anchors or {}), **({anchor.seq: anchor.hash} if anchor is not None and anchor.seq else {})}
    head, anchored = Anchor(seq=0, hash=GENESIS), None
    for link in links:
        broken = _fault(head, link, owner) or _anchor_fault(link, kept.get(link.seq))
        if broken is not None:
            return ChainReport(rows=head.seq, head=head, broken=broken, anchored=anchored)
        head = Anchor(seq=link.seq, hash=link.hash)
        anchored = head if link.seq in kept else anchored
    broken = None
    last = max(kept, default=0)
    if head.seq < last:
        broken = Broken(seq=head.seq + 1, what=f"rows {head.seq + 1} to {last} were cut off after the anchor")
    return ChainReport(rows=head.seq, head=head, broken=broken, anchored=anchored)


def _fault(head: Anchor, link: Link, owner: str) -> Broken | None:
    due = head.seq + 1
    if link.seq != due:
        what = f"row {due} is missing" if link.seq > due else f"row {link.seq} stands where row {due} must be"
        return Broken(seq=due, what=what)
    if link.owner != owner:
        return Broken(seq=due, what=f"row {due} belongs to another owner")
    if link.prev != head.hash:
        return Broken(seq=due, what=f"row {due} does not follow row {head.seq}: it names another predecessor")
    if link.hash != link_hash(link.prev, link.seq, link.owner, link.body):
        return Broken(seq=due, what=f"row {due} was changed: its hash does not cover its contents")
    return None


def _anchor_fault(link: Link, anchored: str | None) -> Broken | None:
    if anchored is not None and link.hash != anchored:
        return Broken(seq=link.seq, what=f"row {link.seq} differs from the anchor: the chain was rewritten before it")
    return None
