"""Apply PS3.15's profile to one data set: every attribute, nested and private ones too.

Pixels are not looked at here (`blackout`), nor is it judged whether a person must look first
(`risks`).
"""

import re
from collections import Counter
from functools import cached_property

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from confrere.imaging.clean_text import cleaned, identifiers, pattern_of, without
from confrere.imaging.confidentiality import BASIC, CODES, EDITION, Action, Options, action_of
from confrere.imaging.deid_values import (
    DATES,
    PROSE,
    TEXTS,
    changed,
    dummy,
    words_of,
    young,
)
from confrere.imaging.pseudonyms import Pseudonyms
from confrere.imaging.safe_private import drop_unsafe

CONTENT, TEXT_VALUE, GRAPHIC_TEXT = 0x0040A730, 0x0040A160, 0x00700006
PATIENT_NAME, PATIENT_ID, PATIENT_AGE = 0x00100010, 0x00100020, 0x00101010
PADDING, TIME_ZONE = 0xFFFCFFFC, 0x00080201
# UIDs that name a kind of thing, never a thing of somebody's
KINDS = frozenset(
    {
        0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x00080117, 0x00080118,
        0x00081150, 0x0008115A, 0x00041510, 0x00041512, 0x00083002, 0x00404052, 0x00741202,
    }
)  # fmt: skip
# besides all person names: what tells one patient, visit or exam from another
TELLING = frozenset(
    {
        0x00080050, 0x00100020, 0x00101000, 0x00101001, 0x00101040, 0x00102154, 0x00200010,
        0x00380010, 0x00402016, 0x00402017, 0x00401001, 0x00380060, 0x00100218, 0x00321064,
        0x00080080, 0x00080081, 0x00081010, 0x00080094, 0x00101080, 0x00400009, 0x00400253,
    }
)  # fmt: skip
INSTITUTION, STATION = frozenset({0x00080080, 0x00080081}), frozenset({0x00081010})
TELLING_BEGINS = 4  # a shorter number, such as a study ID of 1, tells nothing


def patient_of(data: Dataset) -> str:
    """Say whose data set it is, as pseudonyms are made from it: issuer and identifier."""
    who = str(data.get("PatientID") or data.get("StudyInstanceUID") or "")
    return f"{data.get('IssuerOfPatientID') or ''}\0{who}"


def deidentify(data: Dataset, options: Options, names: Pseudonyms) -> Counter[str]:
    """Change a data set in place; count what was done by action code and `private`."""
    return _Pass(data, options, names).run()


class _Pass:
    def __init__(self, data: Dataset, options: Options, names: Pseudonyms) -> None:
        self.data, self.options, self.names = data, options, names
        self.chosen = options.chosen
        self.done: Counter[str] = Counter()

    @cached_property
    def known(self) -> re.Pattern[str] | None:
        kept = (INSTITUTION if self.options.institution else frozenset()) | (
            STATION if self.options.device else frozenset()
        )
        told = [text for text in words_of(self.data, TELLING - kept, TELLING_BEGINS) if text]
        return pattern_of(identifiers(told))

    def run(self) -> Counter[str]:
        _ = self.known  # before anything is taken away
        self.sop_class = str(self.data.get("SOPClassUID") or "")
        self.walk(self.data, nested=False, content=False)
        self.data.PatientName = self.data.PatientID = self.names.subject
        self.data.PatientIdentityRemoved = "YES"
        self.data.DeidentificationMethod = ["Confrere", f"{EDITION} E.1 Basic Profile"]
        codes = [BASIC, *(CODES[name] for name in CODES if name in self.chosen)]
        self.data.DeidentificationMethodCodeSequence = Sequence(_code(*one) for one in codes)
        self.data.LongitudinalTemporalInformationModified = (
            "UNMODIFIED"
            if self.options.full_dates
            else "MODIFIED"
            if self.options.modified_dates
            else "REMOVED"
        )
        return self.done

    def walk(self, data: Dataset, *, nested: bool, content: bool) -> None:
        self.done["private"] += drop_unsafe(data, keep=self.options.private)
        for tag in list(data.keys()):
            if not tag.is_private:
                self.one(data, tag, nested=nested, content=content)

    def one(self, data: Dataset, tag: BaseTag, *, nested: bool, content: bool) -> None:
        if tag == PADDING or tag.element == 0 or not _is_known(tag):
            self.drop(data, tag)
            return
        element = data[tag]
        action = action_of(int(tag), element.VR, self.chosen, self.sop_class, nested=nested)
        if action is None and element.VR == "UN":
            self.drop(data, tag)
            return
        if content and tag in (TEXT_VALUE, GRAPHIC_TEXT):
            action = Action.CLEAN
        self.apply(data, element, action or self.unlisted(element), content=content)

    def unlisted(self, element: DataElement) -> Action:
        """Choose for what the table leaves out; only its VR can tell something."""
        if element.VR == "PN":
            return Action.EMPTY
        if element.VR == "UI":
            return Action.KEEP if self.options.uids or element.tag in KINDS else Action.UID
        if element.VR in DATES and not self.options.full_dates:
            return Action.CLEAN if self.options.modified_dates else Action.DUMMY
        return Action.CLEAN if element.VR in PROSE else Action.KEEP

    def apply(
        self, data: Dataset, element: DataElement, action: Action, *, content: bool
    ) -> None:
        self.done[action.value] += 1
        tag = element.tag
        if action is Action.REMOVE:
            del data[tag]
        elif element.VR == "SQ":
            self.sequence(element, action, content=content)
        elif action is Action.EMPTY:
            element.value = None if element.VR != "PN" else ""
        elif action is Action.DUMMY:
            element.value = self.uids(element) if element.VR == "UI" else dummy(element.VR)
        elif action is Action.UID:
            element.value = self.uids(element)
        elif action is Action.CLEAN:
            self.clean(data, element)
        else:
            self.keep(element)

    def sequence(self, element: DataElement, action: Action, *, content: bool) -> None:
        if action is Action.EMPTY:
            element.value = Sequence()
        elif action is Action.DUMMY and element.tag == CONTENT:
            element.value = Sequence([_nothing()])
        else:
            inside = content or action is Action.CLEAN
            for item in element.value:
                self.walk(item, nested=True, content=inside)

    def uids(self, element: DataElement) -> object:
        value = element.value
        if isinstance(value, str) or value is None:
            return self.names.uid(str(value or ""))
        return [self.names.uid(str(one)) for one in value]

    def clean(self, data: Dataset, element: DataElement) -> None:
        if element.VR in ("DA", "DT"):
            element.value = changed(element, self.names.moved)
        elif element.VR == "UI":
            element.value = self.uids(element)
        elif element.VR == "PN":
            element.value = dummy("PN")
        elif element.VR in TEXTS and element.tag != TIME_ZONE:
            element.value = changed(element, lambda text: cleaned(text, self.known))
        elif element.VR in ("OB", "OW", "OB or OW", "UN") or element.tag == TIME_ZONE:
            del data[element.tag]
        elif element.tag == PATIENT_AGE:
            element.value = young(str(element.value or ""))

    def keep(self, element: DataElement) -> None:
        if element.tag == PATIENT_AGE:
            element.value = young(str(element.value or ""))
        elif element.VR in TEXTS and self.known is not None:
            element.value = changed(element, lambda text: without(text, self.known))

    def drop(self, data: Dataset, tag: BaseTag) -> None:
        del data[tag]
        self.done["unknown"] += 1


def _is_known(tag: BaseTag) -> bool:
    return dictionary_has_tag(tag)


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _nothing() -> Dataset:
    """Make the one content item that stands for a report's content."""
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", "REMOVED"
    item.ConceptNameCodeSequence = Sequence([_code("121106", "Comment")])
    return item
