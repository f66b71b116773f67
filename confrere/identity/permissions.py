"""What each role, and each kind of device, may do. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from confrere.kernel.errors import Refused
from confrere.kernel.principal import Principal, Role


class Permission(StrEnum):
    """One thing that a route or door lets its caller do."""

    READ_WORKLIST = "read the worklist"
    CLAIM = "claim a study"
    ASSIGN = "assign a study to a reader"
    DRAFT = "draft a report"
    SIGN_PRELIMINARY = "sign a preliminary report"
    SIGN_FINAL = "sign a final report"
    READ_IMAGES = "see images"
    STORE_IMAGES = "store images"
    SEND_IMAGES = "send images to another machine"
    READ_REPORTS = "read reports"
    READ_PATIENTS = "look up patients"
    RESOLVE_IDENTITIES = "say which identities are one person"
    READ_DIRECTORY = "see who is who"
    READ_AUDIT = "read the audit trail"
    READ_DELIVERY = "see what was delivered"
    MANAGE_DELIVERY = "replay or resolve deliveries"
    READ_NOTICES = "see who was told what"
    MANAGE_NOTICES = "keep call lists, and send notices again"
    READ_EXCEPTIONS = "see what was kept aside"
    RESOLVE_EXCEPTIONS = "resolve what was kept aside"
    RESOLVE_DOWNTIME = "resolve what was read in downtime"
    IMPORT_IMAGES = "import images from outside"
    CORRECT_IMAGES = "reject images, and correct whose they are"
    READ_MEASURES = "see the own group's measures"
    READ_POOLED = "see pooled measures"
    LOAD_REPORTS = "load earlier reports from files"
    NOTE_EXAMS = "note what a technologist knows of an exam"
    MANAGE_PEERS = "register devices and systems"
    CUT_OVER = "take a site live, or into shadow mode"
    MANAGE_USERS = "manage accounts"
    MANAGE_AGREEMENTS = "propose and accept agreements"
    READ_CREDENTIALS = "see credentials and their documents"
    MANAGE_CREDENTIALS = "record credentials"
    ADMIT = "admit groups"
    MANAGE_RULES = "change what a rule cites and when it is in force"
    SIMULATE = "try changes on a month that was"
    MANAGE_ROSTERS = "keep the own group's roster"
    ASK_ADVICE = "ask for advice on orders"
    READ_ADVICE = "see the advice on orders"
    DECIDE_ADVICE = "decide on the advice on orders"
    MANAGE_ADVICE = "keep the rules of advice on orders"
    READ_EFFECT = "see what advice came to"
    ASK_DEIDENTIFIED = "ask for de-identified exports"
    RELEASE_DEIDENTIFIED = "allow, review and fetch de-identified exports"
    READ_STORAGE = "see how images are kept"
    MANAGE_STORAGE = "keep the rules of how images are kept"
    HOLD_IMAGES = "place and lift legal holds"
    PROPOSE_REMOVAL = "propose to remove images whose retention is over"
    APPROVE_REMOVAL = "approve the removal of images"
    OWN_ACCOUNT = "use the own account"
    DICOM_ECHO = "DICOM: verify the connection"
    DICOM_STORE = "DICOM: store images"
    DICOM_FIND = "DICOM: query"
    DICOM_RETRIEVE = "DICOM: retrieve images"
    DICOM_WORKLIST = "DICOM: query the modality worklist"
    DICOM_COMMITMENT = "DICOM: ask for storage commitment"
    DICOM_PERFORMED = "DICOM: tell of performed procedure steps"
    HL7_ORDER = "HL7: send orders"
    HL7_RESULT = "HL7: send results"
    HL7_ADT = "HL7: send patient updates"
    HL7_DOCUMENT = "HL7: send documents"


_P = Permission
_READS = frozenset(
    {
        _P.READ_WORKLIST,
        _P.CLAIM,
        _P.DRAFT,
        _P.SIGN_PRELIMINARY,
        _P.READ_IMAGES,
        _P.STORE_IMAGES,
        _P.SEND_IMAGES,
        _P.READ_REPORTS,
        _P.READ_PATIENTS,
        _P.READ_DIRECTORY,
        _P.READ_CREDENTIALS,
        _P.READ_MEASURES,
        _P.READ_ADVICE,
        _P.DECIDE_ADVICE,
    }
)
_OF_ROLE: dict[Role, frozenset[Permission]] = {
    # a resident drafts and signs preliminary; the final signature is an attending's
    # (42 CFR 415.180: the physician interprets or reviews and signs)
    Role.RESIDENT: _READS,
    Role.RADIOLOGIST: _READS
    | {_P.SIGN_FINAL, _P.ASK_DEIDENTIFIED, _P.CORRECT_IMAGES, _P.RESOLVE_DOWNTIME},
    Role.GROUP_MANAGER: frozenset(
        {
            _P.READ_WORKLIST,
            _P.ASSIGN,
            _P.SEND_IMAGES,
            _P.READ_REPORTS,
            _P.READ_PATIENTS,
            _P.RESOLVE_IDENTITIES,
            _P.READ_DIRECTORY,
            _P.READ_AUDIT,
            _P.READ_DELIVERY,
            _P.MANAGE_DELIVERY,
            _P.READ_NOTICES,
            _P.MANAGE_NOTICES,
            _P.READ_EXCEPTIONS,
            _P.RESOLVE_EXCEPTIONS,
            _P.RESOLVE_DOWNTIME,
            _P.CORRECT_IMAGES,
            _P.IMPORT_IMAGES,
            _P.READ_MEASURES,
            _P.READ_POOLED,
            _P.MANAGE_AGREEMENTS,
            _P.READ_CREDENTIALS,
            _P.MANAGE_CREDENTIALS,
            _P.MANAGE_ROSTERS,
            _P.LOAD_REPORTS,
            _P.NOTE_EXAMS,
            _P.SIMULATE,
            _P.CUT_OVER,
            _P.READ_ADVICE,
            _P.DECIDE_ADVICE,
            _P.MANAGE_ADVICE,
            _P.READ_EFFECT,
            _P.ASK_DEIDENTIFIED,
            _P.RELEASE_DEIDENTIFIED,
            _P.READ_STORAGE,
            _P.MANAGE_STORAGE,
            _P.HOLD_IMAGES,
            _P.PROPOSE_REMOVAL,
            _P.APPROVE_REMOVAL,
        }
    ),
    # of its own site only; the services narrow by `Principal.site`
    Role.HOSPITAL_CLIENT: frozenset(
        {_P.READ_REPORTS, _P.READ_MEASURES, _P.ASK_ADVICE, _P.READ_ADVICE, _P.READ_EFFECT}
    ),
    # of the exams of its own site only
    Role.TECHNOLOGIST: frozenset({_P.NOTE_EXAMS}),
    Role.ANALYST: frozenset({_P.READ_POOLED}),
    Role.IT_ENGINEER: frozenset(
        {
            _P.READ_DELIVERY,
            _P.MANAGE_DELIVERY,
            _P.READ_NOTICES,
            _P.READ_EXCEPTIONS,
            _P.RESOLVE_EXCEPTIONS,
            _P.CORRECT_IMAGES,
            _P.IMPORT_IMAGES,
            _P.LOAD_REPORTS,
            _P.MANAGE_PEERS,
            _P.READ_DIRECTORY,
            _P.CUT_OVER,
            _P.READ_STORAGE,
            _P.MANAGE_STORAGE,
            _P.PROPOSE_REMOVAL,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            _P.MANAGE_USERS,
            _P.MANAGE_PEERS,
            _P.MANAGE_AGREEMENTS,
            _P.READ_CREDENTIALS,
            _P.MANAGE_CREDENTIALS,
            _P.ADMIT,
            _P.MANAGE_RULES,
            _P.READ_DIRECTORY,
            _P.READ_AUDIT,
            _P.READ_DELIVERY,
            _P.READ_STORAGE,
        }
    ),
}
OF_ROLE: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {role: has | {_P.OWN_ACCOUNT} for role, has in _OF_ROLE.items()}
)
OF_DOOR: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        "dicom": frozenset(
            {
                _P.DICOM_ECHO,
                _P.DICOM_STORE,
                _P.DICOM_FIND,
                _P.DICOM_RETRIEVE,
                _P.DICOM_WORKLIST,
                _P.DICOM_COMMITMENT,
                _P.DICOM_PERFORMED,
            }
        ),
        "hl7": frozenset({_P.HL7_ORDER, _P.HL7_RESULT, _P.HL7_ADT, _P.HL7_DOCUMENT}),
    }
)
# HL7 v3 PurposeOfUse: TREAT, HOPERAT, HSYSADMIN
_PURPOSES = {
    Role.RADIOLOGIST: "treatment",
    Role.RESIDENT: "treatment",
    Role.HOSPITAL_CLIENT: "treatment",
    Role.TECHNOLOGIST: "treatment",
    Role.GROUP_MANAGER: "operations",
    Role.ANALYST: "operations",
    Role.IT_ENGINEER: "system administration",
    Role.ADMINISTRATOR: "system administration",
}


def may(principal: Principal, permission: Permission) -> bool:
    """Say whether a person's role holds a permission."""
    return permission in OF_ROLE[principal.role]


def require(principal: Principal, permission: Permission) -> None:
    """Raise Refused unless the person's role holds the permission."""
    if not may(principal, permission):
        raise Refused(
            f"A {principal.role} may not {permission}; ask an administrator of the "
            "collaborative if your role should change."
        )


def device_may(door: str, permission: Permission) -> bool:
    """Say whether a registered peer of a door (`dicom`, `hl7`) holds a permission."""
    return permission in OF_DOOR.get(door, frozenset())


def purpose_of(role: Role) -> str:
    """Say for what purpose a role acts, as the audit trail records it."""
    return _PURPOSES[role]
