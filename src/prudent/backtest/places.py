"""Where the files of backtests lie: each owner's apart, for accounts of two people may have one name."""

from pathlib import Path

from prudent.bootstrap import LOCAL, Desk

FOLDER, PEOPLE = "backtests", "people"


def own_folder(desk: Desk) -> Path:
    """Where files of the owner lie: the home for its one person, else a folder of theirs that no other reads."""
    owner = desk.ledger.owner
    return desk.home if owner == LOCAL else desk.home / PEOPLE / owner


def folder_of(desk: Desk, account: str, number: int) -> Path:
    return own_folder(desk) / FOLDER / account / f"b{number}"
