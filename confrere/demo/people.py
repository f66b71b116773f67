"""The demonstration's radiologists and the people who sign in. Invented.

The story that works at any hour: Hollow Creek's emergency department has a head CT and its
own group has no neuroradiologist on duty. Dr. Raman of another group may read it. Dr.
Whitfield's licence in the state has lapsed, and Dr. Vasquez's privilege there has lapsed.
"""

from dataclasses import dataclass

from confrere.demo.places import CARDINAL, FOX, GRANITE, LANTERN, MAPLE, OAK
from confrere.kernel.principal import Role

# who reads all of these may stand alone in the evening and at night
GENERALIST = frozenset({"general", "chest", "body", "msk"})
ROTA, ALWAYS, AWAY = "rota", "always", "away"


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """A radiologist. `privileges` beyond the own group's sites: site -> full or proxy."""

    key: str
    group: str
    name: str
    subspecialties: tuple[str, ...]
    states: tuple[str, ...]
    privileges: dict[str, str]
    duty: str = ROTA

    @property
    def formal_name(self) -> str:
        """The name as a report is signed."""
        return f"{self.name}, MD"


@dataclass(frozen=True, slots=True)
class UserPlan:
    """Someone who signs in."""

    username: str
    name: str
    role: Role
    group: str = ""
    reader: str = ""
    site: str = ""


def _row(line: str) -> ReaderPlan:
    cells = [cell.strip() for cell in line.split("|")]
    group, name, subspecialties, states, away, duty = cells
    pairs = (one.partition(":") for one in away.split())
    return ReaderPlan(
        _key(name), group, name, tuple(subspecialties.split()), tuple(states.split()),
        {site: path for site, _, path in pairs}, duty,
    )  # fmt: skip


def _key(name: str) -> str:
    return "".join(c for c in name.rsplit(maxsplit=1)[-1].casefold() if c.isalpha())


_TABLE = f"""
{FOX}      | Daniel Kowalski     | general chest body msk | IL WI    | SMC:proxy | rota
{FOX}      | Laura Bennett       | body general chest msk | IL IN    | SMC:full  | rota
{FOX}      | Chidi Okafor        | msk general | IL IN WI | SMC:full  | rota
{FOX}      | Teresa Sandoval     | breast general | IL       |           | rota
{FOX}      | William Hargrove    | neuro          | IL       |           | away
{FOX}      | Kevin Liu           | general chest body msk nuclear | IL WI    |           | rota
{OAK}      | Priya Raman         | neuro          | IL WI IN | HCM:full LIC:proxy GBR:full TCC:proxy LBH:full | always
{OAK}      | Marcus Whitfield    | neuro          | WI IN IL | HCM:full LIC:proxy GBR:full LBH:full | always
{OAK}      | Erik Lindqvist      | msk general chest body | WI IL    | GBR:full TCC:full | rota
{OAK}      | Grace Nakamura      | cardiac chest | WI IN    | LBH:full  | rota
{OAK}      | Joel Abrams         | neuro peds     | WI IL    | HCM:proxy GBR:proxy | rota
{OAK}      | Maria Dela Cruz     | body general chest msk | WI       |           | rota
{OAK}      | Emily Thornton      | general chest body msk breast | WI IL    |           | rota
{GRANITE}  | Elena Vasquez       | neuro          | WI IL    | HCM:full LBH:proxy | always
{GRANITE}  | Paul Becker         | general chest body msk | WI IL    | LBH:proxy | rota
{GRANITE}  | Abena Osei          | peds general | WI IL    | MOM:full BWH:full HCM:proxy | rota
{GRANITE}  | Ryan McAllister     | body ir general chest msk | WI       | LBH:full  | rota
{GRANITE}  | Mai Yang            | general msk chest body breast | WI       | LBH:proxy | rota
{MAPLE}    | Nina Petrov         | body general chest msk | IN       | CRM:full  | rota
{MAPLE}    | Aisha Coleman       | chest breast | IN IL    | CRM:full THH:full | rota
{MAPLE}    | Robert Jennings     | general neuro chest body msk | IN       |           | rota
{MAPLE}    | Samir Haddad        | ir body general chest msk | IN IL    |           | rota
{MAPLE}    | Kate Sullivan       | breast general | IN       | CRM:proxy | rota
{CARDINAL} | Anil Gupta          | general neuro chest body msk | IN IL    | SMC:full EKH:full | rota
{CARDINAL} | Denise Foster       | nuclear general breast | IN IL    | SMC:proxy | rota
{CARDINAL} | Luis Ramirez        | msk general body chest | IN IL    | SMC:full  | rota
{CARDINAL} | Brian O'Connell     | general neuro chest body msk | IN IL WI | SMC:full EKH:proxy | rota
{LANTERN}  | Julia Novak         | general breast chest body msk | WI IN    | CRM:proxy | rota
{LANTERN}  | Terrence Washington | general body chest msk | WI       |           | rota
{LANTERN}  | Hannah Kim          | chest cardiac general body msk | WI       |           | rota
"""
RADIOLOGISTS = tuple(_row(line) for line in _TABLE.strip().splitlines())
RESIDENTS = (ReaderPlan("feldman", OAK, "Noah Feldman", ("general",), ("WI",), {}, ALWAYS),)
READERS = RADIOLOGISTS + RESIDENTS
BY_KEY = {one.key: one for one in READERS}
RESIDENT_KEYS = frozenset(one.key for one in RESIDENTS)

_SIGN_IN = ("raman", "whitfield", "vasquez", "kowalski", "bennett", "coleman", "gupta", "novak")
_MANAGERS = {
    FOX: "Patricia Doyle", OAK: "Steven Marsh", GRANITE: "Carol Engstrom",
    MAPLE: "Dwayne Mitchell", CARDINAL: "Rosa Delgado", LANTERN: "Amy Sorensen",
}  # fmt: skip


def _manager_name(group: str) -> str:
    return f"manager.{group.casefold()}"


USERS = (
    *(
        UserPlan(key, BY_KEY[key].formal_name, Role.RADIOLOGIST, BY_KEY[key].group, key)
        for key in _SIGN_IN
    ),
    UserPlan("feldman", "Noah Feldman, MD", Role.RESIDENT, OAK, "feldman"),
    *(
        UserPlan(_manager_name(group), name, Role.GROUP_MANAGER, group)
        for group, name in _MANAGERS.items()
    ),
    UserPlan("client.hollowcreek", "Janet Briggs", Role.HOSPITAL_CLIENT, FOX, site="HCM"),
    UserPlan("client.elkstone", "Peter Hollis", Role.HOSPITAL_CLIENT, MAPLE, site="EKH"),
    UserPlan("tech.hollowcreek", "Alma Reyes-Ortiz", Role.TECHNOLOGIST, FOX, site="HCM"),
    UserPlan("analyst", "Monica Reyes", Role.ANALYST),
    UserPlan("it.foxhollow", "Derek Olson", Role.IT_ENGINEER, FOX),
    UserPlan("it.granitebluff", "Sheila Nguyen", Role.IT_ENGINEER, GRANITE),
    UserPlan("admin", "Frances Whitaker", Role.ADMINISTRATOR),
)
