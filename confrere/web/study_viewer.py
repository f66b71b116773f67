"""What the study page's viewer is opened with: studies, layout, and the ways to other viewers."""

from typing import Any

from confrere.network.model import Site
from confrere.reading.hanging import Hanging
from confrere.web.study_exam import Exam
from confrere.web.study_links import COMPARE, layout_of, own_viewer, prior_viewer, site_viewer
from confrere.worklist.model import Item

MAMMOGRAPHY = "MG"  # read on a workstation cleared for it; here for reference


def viewer_values(item: Item, site: Site, exam: Exam, wish: Hanging | None) -> dict[str, Any]:
    """What the template needs; empty addresses where there is nothing to show."""
    study = exam.studies[0].study_uid if exam.studies else ""
    compare = [one for one in exam.priors if one.study]
    prior = compare[0].study.study_uid if compare and compare[0].study else ""
    desk = str(item.id)
    return {
        "compare": compare,
        "prior_url": prior_viewer(prior, desk) if prior else "",
        "viewer_url": own_viewer(study, prior, wish, desk=desk) if study else "",
        "beside": layout_of(wish, beside=bool(prior)) == COMPARE,
        "wish": wish,
        "reference_only": item.modality == MAMMOGRAPHY,
        "site_viewer": site_viewer(site.viewer_url, study, item.accessions),
    }


def layouts(wish: Hanging | None) -> dict[str, str]:
    """What the page's script needs to open the viewer anew, with a prior or without."""
    return {
        "alone": layout_of(wish, beside=False),
        "beside": COMPARE,
        "hanging": str(wish.id) if wish else "",
    }
