"""The Patient type: read, searched (IHE ITI-78), matched (ITI-119), cross-referenced (ITI-83)."""

from confrere.fhir.patient import PARAMETERS, find, load
from confrere.fhir.patient_match import MATCH
from confrere.fhir.patient_pix import IHE_PIX
from confrere.fhir.resource import Resource
from confrere.identity.permissions import Permission

PATIENT = Resource(
    "Patient",
    "Who is examined, as one assigner of identifiers knows them",
    Permission.READ_REPORTS,
    PARAMETERS,
    load,
    find,
    (MATCH, IHE_PIX),
)
