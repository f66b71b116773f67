"""What a site says of viewers: where its own is, and whether ours is cleared for its use."""

import re
from datetime import date
from urllib.parse import urlsplit

from sqlalchemy import Connection

from confrere.kernel.errors import Invalid, Refused
from confrere.kernel.ids import GroupId, SiteId
from confrere.network import service, store
from confrere.network.model import Viewing

LONGEST_URL, LONGEST_TEXT = 1000, 4000
FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}\.[a-z0-9]{1,8}|")


def set_viewing(
    conn: Connection, owner: GroupId, site_id: SiteId, new: Viewing, today: date
) -> None:
    """Record it; raises Refused for a site of another group, Invalid naming the field."""
    if service.site(conn, site_id).owner_group != owner:
        raise Refused("only the group that owns a site may say which viewer it uses")
    _check(new, today)
    store.change_site(
        conn, site_id,
        {
            "viewer_url": new.url, "launch_name": new.launch_name,
            "launch_text": new.launch_text, "viewer_cleared_on": new.cleared_on,
        },
    )  # fmt: skip


def _check(new: Viewing, today: date) -> None:
    parts = urlsplit(new.url)
    if new.url and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise Invalid("write an address that begins with https://, or leave it empty", "url")
    if len(new.url) > LONGEST_URL:
        raise Invalid(f"at most {LONGEST_URL} characters", "url")
    if not FILE_NAME.fullmatch(new.launch_name):
        raise Invalid("name the file in plain letters with an ending, such as launch.xml",
                      "launch_name")  # fmt: skip
    if bool(new.launch_name) != bool(new.launch_text):
        raise Invalid("a launch file needs both a name and a content", "launch_text")
    if len(new.launch_text) > LONGEST_TEXT:
        raise Invalid(f"at most {LONGEST_TEXT} characters", "launch_text")
    if new.cleared_on and new.cleared_on > today:
        raise Invalid("clearance is recorded once it is given: not in the future", "cleared_on")
