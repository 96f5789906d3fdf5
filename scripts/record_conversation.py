"""Records anew how ib_async talks with our paper gateway; `tests/unit/gateway/test_conversation.py` reads the file."""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.conversations import RECORDED, record
from tests.gateway_homes import played, step_gateway


def main() -> None:
    with step_gateway(accounts={"DU7654321": Decimal(1_000_000)}) as gateway:
        recorder = played(record(gateway.port, RECORDED))
    print(f"{recorder.count} messages in {RECORDED}, {recorder.blank} of them blank")


if __name__ == "__main__":
    main()
