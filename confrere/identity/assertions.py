"""A client that signs a token for each request with its own key. Pure.

Source: CDS Hooks 2.0, "Trusting CDS Clients": a JWT (RFC 7519) in JWS compact form, signed with
a key of the set that the client told us before (RFC 7517), for one of our addresses, for a short
time, and for one use.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from confrere.kernel.errors import Invalid

if TYPE_CHECKING:
    from joserfc.jwk import KeySetSerialization

ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")
LEEWAY = timedelta(seconds=60)  # clocks differ
LONGEST_LIFE = timedelta(minutes=5)
LONGEST_JWT = 8192
LONGEST_SET = 32_768
LONGEST_ID = 255
MOST_KEYS = 10
SHORTEST_RSA = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a JWT that holds says: who signed it, its id, and until when it could be replayed."""

    issuer: str
    id: str
    ends_at: datetime


class Untrusted(Exception):
    """A JWT does not hold; the message says why, for the log of who runs the client."""


def looks_signed(secret: str) -> bool:
    """Say whether a bearer's secret is a JWS in compact form; our own tokens have no dots."""
    return secret.count(".") == 2  # noqa: PLR2004 - header, payload, signature


def issuer_of(token: str) -> str:
    """Who a JWT says it is from: unproven, to find the keys by. Raises Untrusted."""
    if len(token) > LONGEST_JWT:
        raise Untrusted("it is too long")
    try:
        said = json.loads(jws.extract_compact(token.encode()).payload)
        issuer = said["iss"]
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Untrusted("it is no JWT with an issuer (iss)") from error
    if not isinstance(issuer, str) or not 0 < len(issuer) <= LONGEST_ID:
        raise Untrusted("its issuer (iss) is not a text")
    return issuer


def verify(
    token: str, keys: Mapping[str, Any], issuer: str, audience: str, now: datetime
) -> Assertion:
    """Check a JWT against a client's keys. Raises Untrusted saying what does not hold."""
    try:
        found = jwt.decode(
            token,
            KeySet.import_key_set(cast("KeySetSerialization", keys)),
            algorithms=[*ALGORITHMS],
        )
    except (JoseError, ValueError, TypeError) as error:
        raise Untrusted("its signature does not fit a key of this client (kid, alg)") from error
    if not found.header.get("kid"):
        raise Untrusted("its header names no key (kid)")
    claims = found.claims
    if claims.get("iss") != issuer:
        raise Untrusted("its issuer (iss) is another")
    for_whom = claims.get("aud")
    audiences = for_whom if isinstance(for_whom, list) else [for_whom]
    if audience.rstrip("/") not in {a.rstrip("/") for a in audiences if isinstance(a, str)}:
        raise Untrusted("it is for another address (aud)")
    ends, made = _instant(claims, "exp"), _instant(claims, "iat")
    if now >= ends + LEEWAY:
        raise Untrusted("it is over (exp)")
    if made > now + LEEWAY or ends <= made:
        raise Untrusted("it was made after now (iat), or ends before it was made")
    if ends > now + LONGEST_LIFE + LEEWAY:
        raise Untrusted("it lives longer than five minutes (exp)")
    one = claims.get("jti")
    if not isinstance(one, str) or not 0 < len(one) <= LONGEST_ID:
        raise Untrusted("it has no id (jti)")
    return Assertion(issuer, one, ends + LEEWAY)


def read_keys(text: str) -> dict[str, Any]:
    """Read a client's public key set as it was typed; raises Invalid naming what is wrong."""
    if len(text) > LONGEST_SET:
        raise Invalid(f"the key set is over {LONGEST_SET >> 10} KiB", "keys")
    try:
        said = json.loads(text)
        listed = said["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Invalid('give a JSON Web Key Set: {"keys": [...]}', "keys") from error
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_KEYS:
        raise Invalid(f"give 1 to {MOST_KEYS} keys", "keys")
    names = [_check(one) for one in listed]
    if len(set(names)) != len(names):
        raise Invalid("two keys have one kid", "keys")
    return {"keys": listed}


def _check(one: Any) -> str:
    if not isinstance(one, dict) or not isinstance(one.get("kid"), str) or not one["kid"]:
        raise Invalid("each key needs its kid", "keys")
    name = str(one["kid"])[:40]
    if _PRIVATE & one.keys():
        raise Invalid(f"key {name}: this is a private key; give the public one", "keys")
    try:
        key: ECKey | RSAKey
        if one.get("kty") == "EC":
            key = ECKey.import_key(one)
            fits = key.curve_name in {"P-256", "P-384"}
        else:
            key = RSAKey.import_key(one)
            fits = key.raw_value.key_size >= SHORTEST_RSA
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Invalid(f"key {name}: give an EC or RSA public key", "keys") from error
    if not fits:
        raise Invalid(f"key {name}: EC of P-256 or P-384, or RSA of 2048 bits and more", "keys")
    return name


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Untrusted(f"it has no time ({name})")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Untrusted(f"its time ({name}) is none") from error
