"""How a level looks: a word, a shape and a colour, never a colour alone; and the contrast of two colours."""

from __future__ import annotations

from dataclasses import dataclass

PRIMARY = "#0B3D75"
INK = "#16202E"
MUTED = "#4A5768"
LINE = "#C3CCD8"
BAND_WIDE, BAND_NARROW = "#D6E4F3", "#A9C6E4"
ACCENT = "#9A3B00"


@dataclass(frozen=True)
class Look:
    """``ink`` on ``ground`` for words; ``mark`` on white for shapes and bars."""

    shape: str
    ink: str
    ground: str
    mark: str


LOOKS: dict[str, Look] = {
    "severe": Look("■", "#7A1218", "#FBE3E4", "#B3202A"),
    "elevated": Look("▲", "#7A3B00", "#FDEBD6", "#C25E00"),
    "watch": Look("◆", "#574800", "#FBF3CF", "#8A7000"),
    "normal": Look("●", "#14532D", "#E3F2E8", "#2E7D4F"),
    "unknown": Look("○", "#3F4754", "#ECEEF1", "#6B7280"),
    "none": Look("–", "#3F4754", "#F7F8FA", "#6B7280"),
}
ORDER = tuple(LOOKS)


def look(level: str | None) -> Look:
    """The look of ``level``; of no level for None."""
    return LOOKS[level or "none"]


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours (#RRGGBB) as WCAG 2.2 defines it, 1-21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
