"""Ids of batches and uploads: they sort by age, and tell when they were made."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: its order is that of the values, so that ids sort by age."""
_DIGITS = 20
_RANDOM_BITS = 50


def new_id(prefix: str) -> str:
    """Return an id that sorts by its time and can't be guessed: 48 bits of ms and 50 random ones."""
    value = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return f"{prefix}_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(95, -1, -5))


def made_s(made: str) -> float | None:
    """Return when an id was made, in seconds since the epoch; None if it is not one of ours."""
    digits = made.rpartition("_")[2]
    if len(digits) != _DIGITS or not set(digits) <= set(_ALPHABET):
        return None
    value = 0
    for digit in digits:
        value = value << 5 | _ALPHABET.index(digit)
    return (value >> _RANDOM_BITS) / 1000
