"""The kinds of credentials and their fields, as forms and files name them. Pure.

One description serves the pages, the import, the export and the store.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from confrere.network import credentials as c
from confrere.network.fields import (
    CHOICE,
    DAY,
    MONEY,
    SITE,
    STATE,
    STATES,
    TEXT,
    WHOLE,
    WORDS,
    Field,
)
from confrere.network.model import BY_PROXY, FULL_FILE, Licence, Privilege

STATUSES = ("active", "restricted", "suspended", "expired", "surrendered", "revoked")
MODALITIES_MADE = ("2D", "DBT")

Fact = (
    Licence | Privilege | c.Competence | c.Cover | c.Enrolment | c.SanctionCheck
    | c.SiteIdentifier | c.MammographyStart | c.MammographyCount | c.MammographyFile
    | c.FacilityCertificate
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of credential. `of_site`: it is a site's own, not a reader's."""

    code: str
    title: str
    makes: Callable[..., Any]
    fields: tuple[Field, ...]
    of_site: bool = False
    identity: tuple[str, ...] = field(default=())  # the fields by which a renewal is told

    @property
    def has_site(self) -> bool:
        """Say whether each fact of it names a site."""
        return any(one.kind == SITE for one in self.fields)


_FROM = Field("valid_from", "From", DAY, required=True)
_TO = Field("valid_to", "To", DAY, required=True, hint="the last day it is valid")
_OPEN_FROM, _OPEN_TO = Field("valid_from", "From", DAY), Field("valid_to", "To", DAY)
_SITE = Field("site", "Site", SITE, required=True)

KINDS: Final = {
    kind.code: kind
    for kind in (
        Kind(
            "licence", "State licence", Licence,
            (
                Field("state", "State", STATE, required=True),
                Field("number", "Number", TEXT, required=True),
                Field("status", "Status", CHOICE, choices=STATUSES, required=True),
                _FROM, _TO,
            ),
            identity=("state", "number"),
        ),
        Kind(
            "privilege", "Privilege", Privilege,
            (
                _SITE,
                Field("scope", "Scope", TEXT, required=True, hint="all, or one modality"),
                Field("path", "Path", CHOICE, choices=(FULL_FILE, BY_PROXY), required=True),
                _FROM, _TO,
                Field("agreement_ref", "Written agreement", TEXT, hint="by proxy: its number"),
                Field("distant_site", "Distant site", TEXT, hint="by proxy: its name"),
                Field("distant_kind", "Distant site is", CHOICE,
                      choices=("", c.HOSPITAL, c.ENTITY)),
                Field("list_supplied_on", "Privilege list supplied on", DAY),
                Field("feedback_sent_on", "Performance feedback sent on", DAY),
            ),
            identity=("site", "scope", "path"),
        ),
        Kind(
            "competence", "Competence", c.Competence,
            (
                Field("code", "Competence", TEXT, required=True,
                      hint="a subspecialty, or pet"),
                Field("basis", "Basis", CHOICE, choices=c.BASES, required=True),
                Field("number", "Certificate number", TEXT), _OPEN_FROM, _OPEN_TO,
            ),
            identity=("code", "basis"),
        ),
        Kind(
            "cover", "Malpractice cover", c.Cover,
            (
                Field("policy", "Policy", TEXT, required=True),
                Field("insurer", "Insurer", TEXT, required=True),
                Field("form", "Form", CHOICE, choices=(c.CLAIMS_MADE, c.OCCURRENCE),
                      required=True),
                Field("retro_date", "Retroactive date", DAY, hint="claims-made only"),
                Field("states", "States", STATES, required=True, hint="or all"),
                Field("modalities", "Modalities", WORDS, required=True, hint="or all"),
                Field("activities", "Activities", WORDS, required=True,
                      hint="facility, teleradiology"),
                Field("each_claim", "Each claim, USD", MONEY, required=True),
                Field("aggregate", "Aggregate, USD", MONEY, required=True), _FROM, _TO,
                Field("mammography_each_claim", "Mammography each claim, USD", MONEY),
            ),
            identity=("policy",),
        ),
        Kind(
            "enrolment", "Payer enrolment", c.Enrolment,
            (
                Field("payer", "Payer class", CHOICE, choices=c.PAYERS, required=True),
                Field("tin", "Billing TIN", TEXT, required=True),
                Field("state", "State", STATE, required=True), _FROM, _OPEN_TO,
            ),
            identity=("payer", "tin", "state"),
        ),
        Kind(
            "sanction", "Sanction check", c.SanctionCheck,
            (
                Field("source", "List", CHOICE, choices=(c.LEIE, c.SAM, c.STATE_LIST),
                      required=True),
                Field("checked_on", "Checked on", DAY, required=True),
                Field("result", "Result", CHOICE, choices=(c.CLEAR, c.EXCLUDED), required=True),
            ),
            identity=("source",),
        ),
        Kind(
            "identifier", "Identifier at a site", c.SiteIdentifier,
            (
                _SITE, Field("identifier", "Identifier", TEXT, required=True),
                Field("verified_on", "Verified by a test result on", DAY),
            ),
            identity=("site",),
        ),
        Kind(
            "mammography start", "MQSA initial", c.MammographyStart,
            (
                Field("initial_on", "Initial requirements met on", DAY, required=True),
                Field("modalities", "Trained in", WORDS, required=True, hint="2D, DBT"),
            ),
        ),
        Kind(
            "mammography count", "MQSA continuing", c.MammographyCount,
            (
                Field("counted_to", "Counted to", DAY, required=True),
                Field("reads", "Exams in 24 months", WHOLE, required=True),
                Field("cme_hours", "CME hours in 36 months", MONEY, required=True),
            ),
            identity=("counted_to",),
        ),
        Kind(
            "mammography file", "MQSA file at a facility", c.MammographyFile,
            (
                _SITE, _FROM, _OPEN_TO,
                Field("workstation_tested_to", "Workstation test holds to", DAY, required=True),
            ),
            identity=("site",),
        ),
        Kind(
            "facility certificate", "MQSA facility certificate", c.FacilityCertificate,
            (
                Field("number", "Number", TEXT, required=True), _FROM, _TO,
                Field("inspected_on", "Last inspected on", DAY, required=True),
                Field("modalities", "Makes", WORDS, required=True, hint="2D, DBT"),
            ),
            of_site=True, identity=("number",),
        ),
    )
}  # fmt: skip
OF_READERS = tuple(kind for kind in KINDS.values() if not kind.of_site)
BY_TYPE = {kind.makes: kind for kind in KINDS.values()}
