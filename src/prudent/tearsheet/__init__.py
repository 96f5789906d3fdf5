"""The tear sheet of a run: one self-contained page, the same as text, and the same as figures for machines."""

from prudent.tearsheet.extras import AttributionRow, BaselineRow, Extras, ShadowRow, Significance
from prudent.tearsheet.machine import as_json
from prudent.tearsheet.page import tear_sheet
from prudent.tearsheet.text import as_markdown

__all__ = [
    "AttributionRow", "BaselineRow", "Extras", "ShadowRow", "Significance", "as_json", "as_markdown", "tear_sheet",
]  # fmt: skip
