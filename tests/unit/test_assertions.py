"""A client's signed token holds only when every part of it does."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from confrere.identity.assertions import Untrusted, issuer_of, looks_signed, read_keys, verify
from confrere.kernel.errors import Invalid

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ISS, AUD = "https://ehr.example", "https://reads.example/cds-services/imaging-order-sign"
KEY = ECKey.generate_key("P-384", {"kid": "k1"})
OTHER = ECKey.generate_key("P-384", {"kid": "k1"})


def keys(*some: Any) -> dict[str, Any]:
    return {"keys": [one.as_dict(private=False) for one in some or (KEY,)]}


def claims(**changes: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    made = {"iss": ISS, "aud": AUD, "iat": at, "exp": at + 240, "jti": "one"} | changes
    return {name: value for name, value in made.items() if value is not None}


def signed(key: Any = KEY, alg: str = "ES384", header: Any = None, **changes: Any) -> str:
    said = {"alg": alg, "kid": "k1"} if header is None else header
    return jwt.encode(said, claims(**changes), key, algorithms=[alg])


def test_a_token_that_holds_tells_who_signed_it_and_how_long_it_could_be_replayed() -> None:
    token = signed()
    assert looks_signed(token)
    assert issuer_of(token) == ISS
    found = verify(token, keys(), ISS, AUD + "/", NOW)
    assert (found.id, found.ends_at) == ("one", NOW + timedelta(seconds=300))
    rsa = RSAKey.generate_key(2048, {"kid": "k1"})
    verify(signed(rsa, "RS384"), keys(rsa), ISS, AUD, NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "https://elsewhere.example/cds-services/imaging-order-sign"}, "aud"),
        ({"aud": None}, "aud"),
        ({"iss": "https://other.example"}, "iss"),
        ({"exp": int(NOW.timestamp()) - 61, "iat": int(NOW.timestamp()) - 300}, "exp"),
        ({"exp": int(NOW.timestamp()) + 3600}, "exp"),
        ({"exp": 1e30}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": int(NOW.timestamp()) + 90}, "iat"),
        ({"iat": None}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
    ],
)
def test_what_does_not_hold_is_refused_by_its_name(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Untrusted, match=why):
        verify(signed(**changes), keys(), ISS, AUD, NOW)


def test_no_other_key_algorithm_or_secret_passes() -> None:
    with pytest.raises(Untrusted, match="signature"):
        verify(signed(OTHER), keys(), ISS, AUD, NOW)
    public = json.dumps(keys()["keys"][0]).encode()
    forged = signed(OctKey.import_key(public), "HS256")
    with pytest.raises(Untrusted, match="signature"):
        verify(forged, keys(), ISS, AUD, NOW)
    bare = "eyJhbGciOiJub25lIn0." + signed().split(".")[1] + "."
    with pytest.raises(Untrusted, match="signature"):
        verify(bare, keys(), ISS, AUD, NOW)
    with pytest.raises(Untrusted, match="kid"):
        verify(signed(header={"alg": "ES384"}), keys(), ISS, AUD, NOW)


@pytest.mark.parametrize("text", ["a.b.c", "..", "e30.e30.x", "x" * 9000, "e30.W10.e30", ""])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Untrusted):
        issuer_of(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "JSON Web Key Set"), ("[]", "JSON Web Key Set"), ('{"keys": []}', "1 to 10"),
        (json.dumps({"keys": [KEY.as_dict(private=True)]}), "private"),
        (json.dumps({"keys": [{"kty": "EC"}]}), "kid"),
        (json.dumps({"keys": [{"kty": "oct", "kid": "a", "k": "AA"}]}), "private"),
        (json.dumps({"keys": [{"kty": "XX", "kid": "a"}]}), "EC or RSA"),
        (json.dumps(keys(KEY, KEY)), "one kid"),
        (json.dumps(keys(ECKey.generate_key("P-521", {"kid": "z"}))), "P-256"),
        ("x" * 40_000, "KiB"),
    ],
)  # fmt: skip
def test_a_key_set_is_checked_as_it_is_typed(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_keys(text)
    assert read_keys(json.dumps(keys())) == keys()
