"""The National Provider Identifier: ten digits, the last a check digit. Pure.

Source: 45 CFR 162.406; the digit is that of ISO/IEC 7812 (Luhn) over the issuer's prefix.
"""

PREFIX = "80840"  # the health industry's issuer number
DIGITS = 10


def npi_holds(written: str) -> bool:
    """Say whether the check digit fits."""
    fits = len(written) == DIGITS and written.isascii() and written.isdigit()
    return fits and _luhn(PREFIX + written) % 10 == 0


def with_check_digit(nine: str) -> str:
    """Make an NPI of its first nine digits."""
    return nine + str(-_luhn(PREFIX + nine + "0") % 10)


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of its digits
    return total
