"""What may be set, and what is refused because it would be unsafe."""

from pathlib import Path

import pytest

from confrere.kernel.errors import Invalid
from confrere.settings import load


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "confrere.toml").write_text('http_port = 8181\naet = "FILE"\n')
    settings = load({"CONFRERE_HOME": str(tmp_path), "CONFRERE_AET": "ENV"})
    assert (settings.http_port, settings.aet) == (8181, "ENV")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"CONFRERE_HTTP_HOST": "0.0.0.0"}, "http_host"),
        ({"CONFRERE_DICOM_HOST": "10.0.0.1"}, "dicom_host"),
        ({"CONFRERE_PRIVATE_INTERFACE": "0.0.0.0"}, "private_interface"),
        ({"CONFRERE_PRIVATE_INTERFACE": "8.8.8.8"}, "private_interface"),
        ({"CONFRERE_PRIVATE_INTERFACE": "pacs.example"}, "private_interface"),
        ({"CONFRERE_HTTP_PORT": "eighty"}, "http_port"),
        ({"CONFRERE_DICOM_PORT": "70000"}, "dicom_port"),
        ({"CONFRERE_AET": "MORE_THAN_16_CHARS"}, "aet"),
        ({"CONFRERE_MAIL_SECURITY": "maybe"}, "mail_security"),
        ({"CONFRERE_MAIL_HOST": "mail.example"}, "mail_from"),
        (
            {
                "CONFRERE_MAIL_HOST": "mail.example", "CONFRERE_MAIL_SECURITY": "none",
                "CONFRERE_MAIL_FROM": "a@b.example",
            },
            "mail_security",
        ),
        ({"CONFRERE_GATEWAY_URL": "https://gateway.example/"}, "gateway_token"),
        ({"CONFRERE_GATEWAY_URL": "http://gateway.example/"}, "gateway_url"),
        ({"CONFRERE_GATEWAY_URL": "https://gateway.example:http/"}, "gateway_url"),
        ({"CONFRERE_PUBLIC_URL": "reads.example"}, "public_url"),
    ],
)  # fmt: skip
def test_what_is_unsafe_or_unreadable_is_refused_by_name(
    given: dict[str, str], field: str, tmp_path: Path
) -> None:
    with pytest.raises(Invalid) as refused:
        load({"CONFRERE_HOME": str(tmp_path), **given})
    assert refused.value.field == field


def test_plain_doors_may_listen_on_the_named_private_interface(tmp_path: Path) -> None:
    given = {"CONFRERE_DICOM_HOST": "10.8.0.5", "CONFRERE_PRIVATE_INTERFACE": "10.8.0.5"}
    assert load({"CONFRERE_HOME": str(tmp_path), **given}).dicom_host == "10.8.0.5"


def test_an_unknown_key_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "confrere.toml").write_text("htp_port = 1\n")
    with pytest.raises(Invalid, match="htp_port"):
        load({"CONFRERE_HOME": str(tmp_path)})


def test_secrets_are_not_shown_and_links_lead_to_the_pages(tmp_path: Path) -> None:
    given = {
        "CONFRERE_MAIL_PASSWORD": "sesame", "CONFRERE_GATEWAY_TOKEN": "tokentoken",
        "CONFRERE_PUBLIC_URL": "https://reads.example/",
    }  # fmt: skip
    settings = load({"CONFRERE_HOME": str(tmp_path), **given})
    assert "sesame" not in repr(settings)
    assert "tokentoken" not in repr(settings)
    assert settings.page_address == "https://reads.example"
    assert load({"CONFRERE_HOME": str(tmp_path)}).page_address == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"CONFRERE_BLOB_URL": "ftp://host/x"}, "blob_url"),
        ({"CONFRERE_COLD_URL": "s3://"}, "cold_url"),
        ({"CONFRERE_S3_KEY_ID": "key"}, "s3_secret"),
        ({"CONFRERE_S3_ENDPOINT": "http://s3.hospital.example"}, "s3_endpoint"),
    ],
)
def test_an_image_store_that_cannot_be_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        load(given)
    assert refused.value.field == field


def test_with_a_store_elsewhere_the_folder_in_home_is_the_way_to_it(tmp_path: Path) -> None:
    told = {"CONFRERE_HOME": str(tmp_path), "CONFRERE_BLOB_URL": "s3://images/centre"}
    assert load(told).blobs == tmp_path / "blobs"
    assert "topsecret" not in repr(load(told | {
        "CONFRERE_S3_KEY_ID": "key", "CONFRERE_S3_SECRET": "topsecret",
    }))  # fmt: skip
