"""Addresses of viewers: our own, and a site's from its template. Pure."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

ALONE, COMPARE = "@confrere/alone", "@confrere/comparePrior"


def own_viewer(study_uid: str, prior_uid: str = "") -> str:
    """Address of our viewer, the prior beside the study where there is one. UIDs only."""
    uids = quote(study_uid)
    if not prior_uid:
        return f"/ohif/viewer?StudyInstanceUIDs={uids}&hangingProtocolId={ALONE}"
    both = f"{uids},{quote(prior_uid)}"
    return f"/ohif/viewer?StudyInstanceUIDs={both}&hangingProtocolId={COMPARE}"


def site_viewer(template: str, study_uid: str, accessions: Sequence[str]) -> str:
    """Address of the site's own viewer; empty where the template is absent or no web address.

    `{study_uid}` and `{accession}` are replaced, percent-encoded.
    """
    accession = accessions[0] if accessions else ""
    filled = template.replace("{study_uid}", quote(study_uid, safe=""))
    filled = filled.replace("{accession}", quote(accession, safe=""))
    parts = urlsplit(filled)
    return filled if parts.scheme in ("http", "https") and parts.netloc else ""
