"""The style sheets keep their word: colours and lengths live in the tokens, and every pair of colours is readable."""

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.REPOSITORY) / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()
OTHERS = sorted(path for path in CSS.rglob("*.css") if path.name != "tokens.css")
# A media query cannot read a custom property.
NO_RULE = re.compile(r"/\*.*?\*/|@(?:media|container|supports)[^{]*", re.DOTALL)
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\(")
LENGTH = re.compile(r"(?<![\w-])\d*\.?\d+(?:px|rem|pt|cm|mm|ch)\b")

PAIRS = [
    ("text", "surface", 4.5), ("text", "bg", 4.5), ("text-2", "surface-2", 4.5), ("text-2", "surface-3", 4.5),
    ("text-3", "surface-2", 4.5), ("text-3", "sel", 4.5), ("accent", "surface", 4.5), ("accent", "bg", 4.5),
    ("accent-strong", "accent-soft", 4.5), ("on-accent", "accent", 4.5), ("danger", "danger-soft", 4.5),
    ("warn", "warn-soft", 4.5), ("ok", "ok-soft", 4.5), ("info", "info-soft", 4.5), ("danger", "surface", 4.5),
    ("border-strong", "bg", 3.0), ("focus", "sel", 3.0), ("focus", "bg", 3.0),
]  # fmt: skip


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_colours_and_lengths_live_in_the_tokens_only(path: Path) -> None:
    rules = NO_RULE.sub("", path.read_text())

    assert COLOUR.findall(rules) == []
    assert LENGTH.findall(rules) == []
    assert not re.search(r"(?m)^\s*#[\w-]+\s*[{,]", rules), "no id selectors"


def test_only_the_reset_overrules() -> None:
    marked = [path.name for path in OTHERS for _ in re.findall("!important", path.read_text())]

    assert marked == ["base.css"]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_of_colours_is_readable(front: str, back: str, least: float, theme: int) -> None:
    assert _contrast(_colour(front, theme), _colour(back, theme)) >= least


def test_no_template_styles_or_scripts_inline() -> None:
    for path in (Path(settings.REPOSITORY) / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r'\sstyle="|\son\w+="|hx-on|js:|<style|<script(?! src)', text), path.name


def _colour(token: str, theme: int) -> str:
    found = re.search(rf"--{token}: light-dark\((#\w+), (#\w+)\)", TOKENS)
    assert found, token
    return found[theme + 1]


def _contrast(first: str, second: str) -> float:
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
