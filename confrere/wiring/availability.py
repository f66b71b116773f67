"""Tell the machines that asked for it when a study can be retrieved (IAN, PS3.4 annex R)."""

from datetime import datetime
from uuid import uuid5

from sqlalchemy import Connection

from confrere.delivery import service as delivery
from confrere.delivery.model import AVAILABILITY_KIND
from confrere.dimse import availability, identifier
from confrere.dimse.syntaxes import EXPLICIT_LE
from confrere.imaging import finding
from confrere.imaging import service as imaging
from confrere.kernel.ids import StudyId
from confrere.network import service as network


def study_closed(conn: Connection, study_id: StudyId, aet: str, now: datetime) -> int:
    """Put a notification for each machine into the outbox; return how many.

    Each is one instance of its own, the same when the job runs again, so that a machine can
    tell a repetition (PS3.4 R.3.2: duplicate SOP instance).
    """
    study = imaging.study(conn, study_id)
    told = [
        one
        for one in network.peers(conn, "dicom")
        if one.availability
        and one.enabled
        and one.port
        and one.owner_group == study.owner_group
        and one.site in (None, study.site_id)
    ]
    if not told:
        return 0
    series = {
        one.series_uid: [
            (i.sop_class, i.sop_uid)
            for i in finding.instances_of(conn, study.id, one.series_uid)
        ]
        for one in finding.series_of(conn, study.id)
    }
    said = identifier.encode(
        availability.notification(study.study_uid, series, aet), EXPLICIT_LE
    )
    count = sum(len(each) for each in series.values())
    for peer in told:
        uid = f"2.25.{uuid5(study.id, f'{peer.id} {count}').int}"
        delivery.send(
            conn, study.owner_group, peer.id, study.site_id, None, AVAILABILITY_KIND, "", uid,
            said, now,
        )  # fmt: skip
    return len(told)
