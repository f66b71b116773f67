"""What agreement on each level is worth, in bits. Pure.

A level's weight is log2(m/u): m is how often one person's two records show it, u how often
two strangers' do. The shipped set holds the collaborative's published pairs for `exact` and
`different` (DOMAIN T54: family, given, birth date, sex, postal code). For the levels between
we chose weights that lie between those two, as Winkler's interpolation does (1990), low enough
that none can lift a pair over the line alone; for street, phone and the last four of a
national number we set m by the usual error rates of registration data and u by chance (one of
10,000 numbers; a household of four in a town). Training replaces all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2

from confrere.kernel.errors import Invalid
from confrere.patients.comparing import LEVELS, Compared

SHIPPED = 0  # the version of the set below
LINK_AT, REVIEW_AT = 18.0, 8.0
Pair = tuple[float, float]  # m, u
FREQUENT_FIELDS = ("family", "given")


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the weights: (m, u) by field and level, and how frequent names are.

    `frequencies` holds the share of people with a name, of common names only: a rare name
    would tell of a person. `floor` is the share that a name not listed counts with.
    """

    pairs: Mapping[str, Mapping[str, Pair]]
    version: int = SHIPPED
    frequencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    floor: float = 0.0
    link_at: float = LINK_AT
    review_at: float = REVIEW_AT

    def bits(self, found: Compared) -> float:
        """Weigh one field's level; a level without a pair says nothing."""
        pair = self.pairs.get(found.field, {}).get(found.level)
        if pair is None:
            return 0.0
        m, u = pair
        shares = self.frequencies.get(found.field)
        if shares and found.value:
            u = max(shares.get(found.value, self.floor), self.floor)
        return log2(m / u)


DEFAULT = Weights(
    {
        "family": {
            "exact": (0.95, 0.01), "close": (0.02, 0.004), "part": (0.015, 0.003),
            "swapped": (0.005, 0.0002), "different": (0.05, 0.99),
        },
        "given": {
            "exact": (0.92, 0.02), "nickname": (0.03, 0.005), "close": (0.02, 0.008),
            "initial": (0.02, 0.02), "swapped": (0.005, 0.0002), "different": (0.08, 0.98),
        },
        "birth_date": {
            "exact": (0.98, 0.003), "typo": (0.012, 0.012), "same month and year": (0.002, 0.003),
            "different": (0.02, 0.997),
        },
        "sex": {"exact": (0.99, 0.5), "different": (0.01, 0.5)},
        "postal_code": {
            "exact": (0.90, 0.05), "same area": (0.06, 0.08), "different": (0.10, 0.95),
        },
        "street": {
            "exact": (0.70, 0.002), "close": (0.10, 0.003), "different": (0.20, 0.995),
        },
        "phone": {
            "exact": (0.70, 0.0005), "close": (0.03, 0.0005), "different": (0.27, 0.999),
        },
        "national_last4": {
            "exact": (0.96, 0.0001), "close": (0.03, 0.004), "different": (0.01, 0.996),
        },
    }
)  # fmt: skip


def to_data(weights: Weights) -> dict[str, object]:
    """Write a set as it is kept."""
    return {
        "pairs": {f: {n: list(p) for n, p in by.items()} for f, by in weights.pairs.items()},
        "frequencies": {f: dict(by) for f, by in weights.frequencies.items()},
        "floor": weights.floor, "link_at": weights.link_at, "review_at": weights.review_at,
    }  # fmt: skip


def from_data(data: Mapping[str, object], version: int) -> Weights:
    """Read a set; raises Invalid naming what is not as it must be."""
    pairs = _read_pairs(_mapping(data, "pairs"))
    frequencies = {
        name: {str(word): _share(share, name) for word, share in _mapping(by, name).items()}
        for name, by in _mapping(data, "frequencies").items()
    }
    levels = [float(str(data[one])) for one in ("floor", "link_at", "review_at")]
    if not 0 < levels[2] < levels[1] or (frequencies and not 0 < levels[0] < 1):
        raise Invalid("floor, link_at, review_at: give 0 < review_at < link_at", "link_at")
    return Weights(pairs, version, frequencies, *levels)


def _read_pairs(data: Mapping[str, object]) -> dict[str, dict[str, Pair]]:
    for name, by in data.items():
        unknown = set(_mapping(by, name)) - set(LEVELS.get(name, ()))
        if name not in LEVELS or unknown:
            raise Invalid(f"{name}: unknown field or level {sorted(unknown)}", name)
    return {
        name: {level: _pair(pair, name) for level, pair in _mapping(by, name).items()}
        for name, by in data.items()
    }


def _mapping(data: object, name: str) -> Mapping[str, object]:
    found = data.get(name) if isinstance(data, Mapping) and name in data else data
    if not isinstance(found, Mapping):
        raise Invalid(f"{name}: give an object", name)
    return found


def _pair(data: object, name: str) -> Pair:
    if not isinstance(data, list | tuple) or len(data) != 2:  # noqa: PLR2004 - m and u
        raise Invalid(f"{name}: give m and u", name)
    return _share(data[0], name), _share(data[1], name)


def _share(data: object, name: str) -> float:
    share = float(str(data))
    if not 0 < share <= 1:
        raise Invalid(f"{name}: a probability is over 0 and at most 1", name)
    return share
