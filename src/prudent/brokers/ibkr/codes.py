"""What the gateway's message codes mean for us; an error never decides that a live order is dead."""

from enum import StrEnum


class Meaning(StrEnum):
    """What a message is about; what no table knows is `DOUBT`: the order is asked for again."""

    NOTE = "note"
    REFUSED = "refused"
    ENDED = "ended"
    DOUBT = "doubt"
    LINK = "link"
    FEED = "feed"


LOST = frozenset({1100, 2110})
RESTORED = frozenset({1101, 1102})
SUBSCRIPTIONS_LOST = 1101
CLIENT_ID_IN_USE = 326
COMPETING = 10197
TOO_FAST = 100
ORDER_CANCELLED = 202
_LINK = LOST | RESTORED | {1300, 502, 503, 504, 507, CLIENT_ID_IN_USE}
_FEED = frozenset({2103, 2104, 2105, 2106, 2107, 2108, 2119, 2157, 2158, 354, 10089, 10090, 10167, 10168, COMPETING})
# Words on an order that lives: it waits for the open or for shares to borrow, or something was set on its behalf.
_NOTES = frozenset({399, 404, 10349, 2109})
# A new order that gets one of these was not taken. Of an order that lives they say nothing: it is asked for again.
_REFUSED = frozenset({
    103, 104, 106, 107, 109, 110, 111, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 129, 130,
    131, 132, 133, 134, 137, 140, 141, 144, 145, 146, 147, 148, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 163,
    164, 167, 168, 200, 201, 203, 313, 314, 315, 320, 321, 325, 327, 328, 329, 334, 335, 336, 337, 338, 339, 340, 341,
    342, 343, 344, 346, 347, 348, 349, 350, 351, 352, 353, 355, 356, 357, 358, 359, 361, 362, 363, 364, 367, 368, 369,
    370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 382, 383, 384, 385, 387, 388, 389, 390, 391, 392, 393, 394, 395,
    396, 397, 398, 400, 401, 402, 403, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 419, 422,
    423, 424, 425, 426, 427, 428, 429, 431, 432, 433, 434, 435, 436, 437, 439, 440, 441, 442, 443, 444, 445, 446, 447,
    448, 449, 451, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 478, 10005, 10006, 10007, 10008, 10009, 10010,
    10011, 10012, 10013, 10014, 10016, 10020, 10021, 10022, 10023, 10024, 10025, 10026, 10027, 10028, 10029, 10030,
    10043, 10052, 10058, 10063, 10064, 10226, 10243, 10248, 10249, 10250, 10251, 10252, 10268, 10289, 10311, 10318,
    10320, 10329, 10330,
})  # fmt: skip


def meaning(code: int) -> Meaning:
    """What a message of that code means where it names an order; for the connection ask the sets above."""
    if code in _LINK:
        return Meaning.LINK
    if code in _NOTES:
        return Meaning.NOTE
    if code in _FEED or 2100 <= code < 2200:
        return Meaning.FEED
    if code == ORDER_CANCELLED:
        return Meaning.ENDED
    return Meaning.REFUSED if code in _REFUSED else Meaning.DOUBT
