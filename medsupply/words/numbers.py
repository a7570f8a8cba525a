"""Numbers, days and moments as a reader of Finnish, Swedish or English writes them. Nothing known is a dash."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from medsupply.days import HELSINKI

NOTHING = "–"
# A narrow no-break space keeps a number on one line.
GROUP = {"fi": "\u202f", "sv": "\u202f", "en": ","}
POINT = {"fi": ",", "sv": ",", "en": "."}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(language: str, value: float | None, decimals: int = 0) -> str:
    """``value`` rounded half up to ``decimals``, thousands grouped: ``12 345,6`` or ``12,345.6``."""
    if value is None:
        return NOTHING
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    sign = "\u2212" if rounded < 0 else ""
    plain = f"{abs(rounded):,.{decimals}f}"
    return sign + plain.replace(",", "\0").replace(".", POINT[language]).replace("\0", GROUP[language])


def amount(language: str, value: float | None) -> str:
    """An amount with as many digits as a reader needs: whole from 100 on, one decimal from 1 on, else three digits."""
    if value is None or abs(value) >= 100 or value == int(value):
        return number(language, value)
    return number(language, value, 1 if abs(value) >= 1 else 3)


def exact(language: str, value: float | None) -> str:
    """``value`` with every digit that the warehouse holds."""
    if value is None:
        return NOTHING
    digits = Decimal(repr(float(value))).normalize()
    exponent = digits.as_tuple().exponent
    return number(language, value, max(0, -exponent) if isinstance(exponent, int) else 0)


def share(language: str, value: float | None, decimals: int = 0) -> str:
    """A share or probability 0-1 in per cent: ``85 %``; over 99 and under 1 % as such, for nothing is certain."""
    if value is None:
        return NOTHING
    percent = "%" if language == "en" else "\u00a0%"
    if decimals == 0 and 0 < value < 0.01:
        return f"<\u00a01{percent}"
    if decimals == 0 and 0.99 < value < 1:
        return f">\u00a099{percent}"
    return f"{number(language, value * 100, decimals)}{percent}"


def day(language: str, value: date | None) -> str:
    """A day: ``24.11.2026``, in English ``24 Nov 2026``."""
    if value is None:
        return NOTHING
    if language == "en":
        return f"{value.day} {MONTHS[value.month - 1]} {value.year}"
    return f"{value.day}.{value.month}.{value.year}"


def moment(language: str, value: datetime | None) -> str:
    """A moment in Finnish time to the minute: ``24.11.2026 klo 6.05``, in English ``24 Nov 2026, 06:05``."""
    if value is None:
        return NOTHING
    local = value.astimezone(HELSINKI)
    if language == "en":
        return f"{day(language, local.date())}, {local:%H:%M}"
    clock = f"{local.hour}.{local:%M}"
    return f"{day(language, local.date())} {'klo' if language == 'fi' else 'kl.'}\u00a0{clock}"
