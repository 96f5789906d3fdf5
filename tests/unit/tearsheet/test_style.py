"""Words and lines can be told from what is behind them, by day and by night, as WCAG 2.2 AA asks."""

import re
from importlib.resources import files

import pytest

CSS = files("prudent.tearsheet").joinpath("style.css").read_text(encoding="utf-8")
ROOTS = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
THEMES = {
    name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for name, block in zip(("light", "dark"), ROOTS[:2], strict=True)
}
LINES = ("run", "benchmark", "b1", "b2", "b3", "b4", "b5", "gain", "loss")
SHADES = ("p1", "p2", "p3", "p4", "n1", "n2", "n3", "n4")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_words_stand_out_from_the_page(theme: str) -> None:
    colours = THEMES[theme]
    pairs = [("ink", "paper"), ("soft", "paper"), ("warn", "warn-shade"), ("ink", "warn-shade"), ("warn", "paper")]
    pairs += [("ink", shade) for shade in SHADES]
    faint = [(a, b) for a, b in pairs if contrast(colours[a], colours[b]) < 4.5]
    assert faint == []


@pytest.mark.parametrize("theme", THEMES)
def test_lines_stand_out_from_the_page(theme: str) -> None:
    colours = THEMES[theme]
    assert [each for each in LINES if contrast(colours[each], colours["paper"]) < 3.0] == []


def test_lines_differ_without_colour_too() -> None:
    dashes = re.findall(r"\.(benchmark|b\d) \{ stroke: var\(--\w+\); stroke-dasharray: ([\d ]+); \}", CSS)
    assert len({dash for _, dash in dashes}) == len(dashes) == 6
