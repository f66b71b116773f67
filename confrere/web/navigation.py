"""The places of the left rail, who sees them, and where each role starts."""

from collections.abc import Iterable
from dataclasses import dataclass

from confrere.identity.permissions import Permission, may
from confrere.kernel.principal import Principal, Role


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the rail. `icon` is the path of a 24 x 24 line drawing; `key` follows `g`."""

    path: str
    label: str
    key: str
    icon: str
    permission: Permission


PLACES = (
    Place(
        "/worklist",
        "Worklist",
        "w",
        "M9 6h11M9 12h11M9 18h11M5 6v.01M5 12v.01M5 18v.01",
        Permission.READ_WORKLIST,
    ),
    Place(
        "/board",
        "Board",
        "b",
        "M4 5h4v14H4zM10 5h4v9h-4zM16 5h4v6h-4z",
        Permission.ASSIGN,
    ),
    Place(
        "/technologist",
        "Technologist",
        "y",
        "M4 6h16v10H4zM8 20h8M12 16v4M8 9h5M8 12h8",
        Permission.NOTE_EXAMS,
    ),
    Place(
        "/patients",
        "Patients",
        "p",
        "M12 8v4l2.5 2.5M3.6 9a9 9 0 1 1-.5 4.5M3 4.5V9h4.5",
        Permission.READ_PATIENTS,
    ),
    Place(
        "/reports",
        "Reports",
        "r",
        "M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6",
        Permission.READ_REPORTS,
    ),
    Place(
        "/advice",
        "Advice",
        "v",
        "M9 18h6M10 21h4M12 3a6 6 0 0 1 3.6 10.8c-.4.4-.6.8-.6 1.2H9c0-.4-.2-.8-.6-1.2A6 6 0 "
        "0 1 12 3z",
        Permission.READ_ADVICE,
    ),
    Place(
        "/my-declines",
        "My declines",
        "c",
        "M5 12l4 4 4-5M14 7l6 6M20 7l-6 6",
        Permission.CLAIM,
    ),
    Place(
        "/dashboard",
        "Dashboard",
        "d",
        "M4 19h16M4 15l4-6 4 3 4-6 4 5",
        Permission.READ_MEASURES,
    ),
    Place(
        "/pooled",
        "Pooled",
        "o",
        "M4 20h16M6 16v-4M11 16V8M16 16v-6M20 16V5",
        Permission.READ_POOLED,
    ),
    Place(
        "/given-taken",
        "Balance",
        "t",
        "M12 4v16M7 20h10M4 9h16M4 9l-2 5h4zM20 9l-2 5h4z",
        Permission.MANAGE_AGREEMENTS,
    ),
    Place(
        "/deliveries",
        "Deliveries",
        "l",
        "M10 14L21 3M21 3l-6.5 18a.55.55 0 0 1-1 0L10 14l-7-3.5a.55.55 0 0 1 0-1L21 3",
        Permission.READ_DELIVERY,
    ),
    Place(
        "/notices",
        "Notices",
        "h",
        "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 21h4M12 3v2",
        Permission.READ_NOTICES,
    ),
    Place(
        "/exceptions",
        "Exceptions",
        "e",
        "M12 9v4M12 16v.01M10.3 4.3L2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4.3"
        "a2 2 0 0 0-3.4 0z",
        Permission.READ_EXCEPTIONS,
    ),
    Place(
        "/imports",
        "Imports",
        "k",
        "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM12 3v4",
        Permission.IMPORT_IMAGES,
    ),
    Place(
        "/storage",
        "Storage",
        "f",
        "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6"
        "M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
        Permission.READ_STORAGE,
    ),
    Place(
        "/deidentified",
        "De-identify",
        "z",
        "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 11-6.6M15 17h6M15 20h6",
        Permission.ASK_DEIDENTIFIED,
    ),
    Place(
        "/audit",
        "Audit",
        "a",
        "M12 3l8 3v6c0 4.6-3.2 7.8-8 9-4.8-1.2-8-4.4-8-9V6zM9 12l2 2 4-4",
        Permission.READ_AUDIT,
    ),
    Place(
        "/network",
        "Network",
        "n",
        "M12 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM5.5 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 "
        "0 5zM18.5 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM12 9v3M7.5 16l4.5-4 4.5 4",
        Permission.READ_DIRECTORY,
    ),
    Place(
        "/rosters",
        "Rosters",
        "s",
        "M5 5h14v15H5zM5 10h14M9 3v4M15 3v4M9 14h2M14 14h2M9 17h2",
        Permission.READ_DIRECTORY,
    ),
    Place(
        "/simulate",
        "Simulate",
        "i",
        "M4 19V5M4 19h16M7 15l3-4 3 2 5-7M18 6v3M18 6h-3",
        Permission.SIMULATE,
    ),
    Place(
        "/admin",
        "Admin",
        "m",
        "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2"
        "M16.2 16.2l2.2 2.2M5.6 18.4l2.2-2.2M16.2 7.8l2.2-2.2",
        Permission.MANAGE_USERS,
    ),
)
_STARTS = {
    Role.RADIOLOGIST: ("/worklist",),
    Role.RESIDENT: ("/worklist",),
    Role.GROUP_MANAGER: ("/dashboard", "/worklist"),
    Role.HOSPITAL_CLIENT: ("/reports", "/dashboard"),
    Role.TECHNOLOGIST: ("/technologist",),
    Role.ANALYST: ("/pooled",),
    Role.IT_ENGINEER: ("/deliveries", "/exceptions", "/network"),
    Role.ADMINISTRATOR: ("/admin", "/audit"),
}
ACCOUNT = "/account"


def places_for(principal: Principal, present: Iterable[str]) -> tuple[Place, ...]:
    """List the rail's places that exist in this application and are the person's to see."""
    there = frozenset(present)
    return tuple(
        place for place in PLACES if place.path in there and may(principal, place.permission)
    )


def start_of(role: Role, present: Iterable[str]) -> str:
    """Say where a person of this role starts."""
    there = frozenset(present)
    return next((path for path in _STARTS[role] if path in there), ACCOUNT)
