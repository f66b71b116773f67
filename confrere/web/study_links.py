"""Addresses of viewers: our own, and a site's from its template. Pure."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote, urlsplit

from confrere.reading.hanging import Hanging

ALONE, COMPARE, SERIES = "@confrere/alone", "@confrere/comparePrior", "@confrere/series"


def layout_of(wish: Hanging | None, *, beside: bool) -> str:
    """Name the viewer's layout for a reader's wish; `beside` says that there is a prior.

    Without a wish a prior is shown beside the exam.
    """
    if beside and (wish is None or wish.layout == "1x2"):
        return COMPARE
    return SERIES if wish and wish.layout == "2x2" else ALONE


def own_viewer(
    study_uid: str, prior_uid: str = "", wish: Hanging | None = None, *, desk: str = ""
) -> str:
    """Address of our viewer, the prior beside the study where it is wished. UIDs only.

    Viewers of the same `desk`, an exam, scroll together though each has its own window.
    """
    layout = layout_of(wish, beside=bool(prior_uid))
    uids = ",".join(quote(one) for one in (study_uid, prior_uid) if one)
    address = f"/ohif/viewer?StudyInstanceUIDs={uids}&hangingProtocolId={layout}"
    address += f"&desk={quote(desk)}" if desk else ""
    return f"{address}&hanging={wish.id}" if wish else address


def prior_viewer(prior_uid: str, desk: str) -> str:
    """Address of our viewer with a prior alone, named as one, for a window of its own."""
    return f"{own_viewer(prior_uid, desk=desk)}&shows=prior"


def site_viewer(template: str, study_uid: str, accessions: Sequence[str]) -> str:
    """Address of the site's own viewer; empty where the template is absent or no web address.

    `{study_uid}` and `{accession}` are replaced, percent-encoded.
    """
    accession = accessions[0] if accessions else ""
    filled = template.replace("{study_uid}", quote(study_uid, safe=""))
    filled = filled.replace("{accession}", quote(accession, safe=""))
    parts = urlsplit(filled)
    return filled if parts.scheme in ("http", "https") and parts.netloc else ""


def launch_file(name: str, template: str, study_uid: str, accessions: Sequence[str]) -> str:
    """Fill a site's launch file; in XML what is filled in is escaped, elsewhere kept to a line."""
    values = {"{study_uid}": study_uid, "{accession}": accessions[0] if accessions else ""}
    for place, value in values.items():
        plain = "".join(one for one in value if one.isprintable())
        safe = escape(plain, quote=True) if name.endswith("xml") else plain
        template = template.replace(place, safe)
    return template
