"""Texts of reports that the demonstration's sites send: old ones, and dictated ones. Pure."""

from confrere.demo.catalogue import ProcedurePlan

HEAD_PRIOR = """\
CT HEAD WITHOUT CONTRAST
COMPARISON: None.
FINDINGS: No intracranial hemorrhage, mass effect or midline shift. Ventricles and sulci are \
normal for age. Gray-white differentiation is preserved. Paranasal sinuses are clear.
IMPRESSION: No acute intracranial abnormality."""
CHEST_PRIOR = """\
CT CHEST WITH CONTRAST
COMPARISON: None.
FINDINGS: 14 mm spiculated nodule in the right upper lobe. No enlarged mediastinal or hilar \
lymph nodes. No pleural effusion.
IMPRESSION: 14 mm spiculated right upper lobe nodule. PET/CT or biopsy recommended."""
ABDOMEN_PRIOR = """\
CT ABDOMEN AND PELVIS WITH CONTRAST
COMPARISON: None.
FINDINGS: Appendix normal. No free fluid or obstruction. Small simple cyst of the left kidney.
IMPRESSION: No cause of right-sided pain is seen."""
_FINDINGS = {
    "head": ("No hemorrhage, mass effect or acute infarct.", "No acute abnormality."),
    "neck": ("No mass or enlarged lymph node.", "Normal examination."),
    "spine": ("Alignment is normal. No fracture.", "No acute fracture."),
    "chest": ("Lungs are clear. Heart size is normal.", "No acute cardiopulmonary disease."),
    "abdomen": ("Solid organs are normal. No free fluid.", "No acute abnormality."),
    "extremity": ("No fracture or dislocation.", "No acute fracture."),
}
_OTHERWISE = ("No abnormality is seen.", "Normal examination.")


def dictated(procedure: ProcedurePlan) -> str:
    """A short normal report, as an external dictation system would send it."""
    findings, impression = _FINDINGS.get(procedure.body_region, _OTHERWISE)
    return f"{procedure.text.upper()}\nFINDINGS: {findings}\nIMPRESSION: {impression}"
