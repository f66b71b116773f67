"""Keep a class of exams at home, and let it go again. The caller owns the transaction."""

from dataclasses import asdict
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId
from confrere.network import store, store_agreements
from confrere.network.model import OptOut

LONGEST = 200


def of_group(conn: Connection, owner: GroupId) -> list[OptOut]:
    """A group's opt-outs, newest first, also those that are over."""
    return [one for one in store_agreements.opt_outs(conn) if one.owner_group == owner]


def keep_home(conn: Connection, new: OptOut) -> UUID:
    """Keep a class of exams at home; its id is given by the database.

    Raises Invalid that names the field: another group's site, dates in the wrong order, no
    reason.
    """
    own = {one.id for one in store.sites(conn) if one.owner_group == new.owner_group}
    if new.site is not None and new.site not in own:
        raise Invalid("choose one of your group's sites", "site")
    if new.ends_on is not None and new.ends_on < new.starts_on:
        raise Invalid("the last day lies before the first one", "ends_on")
    if not new.reason.strip() or len(new.reason) > LONGEST:
        raise Invalid(f"say why, in 1 to {LONGEST} characters", "reason")
    if len(new.procedure) > LONGEST:
        raise Invalid(f"name the procedure in at most {LONGEST} characters", "procedure")
    values = {n: v for n, v in asdict(new).items() if n not in ("id", "site")}
    return store_agreements.add_opt_out(conn, values | {"site_id": new.site})


def let_go(conn: Connection, opt_out: UUID, owner: GroupId, yesterday: date) -> None:
    """End an opt-out: `yesterday` was its last day, or it never began.

    Raises NotFound where it is not the group's, Invalid when it was over already.
    """
    found = next((one for one in of_group(conn, owner) if one.id == opt_out), None)
    if found is None:
        raise NotFound("no such entry of your group")
    if found.ends_on is not None and found.ends_on <= yesterday:
        raise Invalid("this entry is over already", "ends_on")
    if found.starts_on > yesterday:
        store_agreements.remove_opt_out(conn, opt_out, owner)
    else:
        store_agreements.end_opt_out(conn, opt_out, owner, yesterday)
