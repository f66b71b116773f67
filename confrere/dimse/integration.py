"""The IHE integration statement: only what is built, and what is lacking named. Pure."""

from confrere.dimse.supported import PROVIDED

# Profile, actor, transactions, and the services behind them.
CLAIMED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "Key Image Note (KIN)", "Image Archive",
        "RAD-29 Key Image Note Stored; RAD-30 and RAD-31 query and retrieve",
        ("store", "find", "move"),
    ),
    (
        "Consistent Presentation of Images (CPI)", "Image Archive",
        "RAD-9 Presentation States Stored; RAD-15 and RAD-17 query and retrieve",
        ("store", "find", "move"),
    ),
)  # fmt: skip
# Transaction of Scheduled Workflow, the service that answers it, and what is not as written.
ANSWERED: tuple[tuple[str, str, str], ...] = (
    ("RAD-8 Modality Images Stored", "store", ""),
    (
        "RAD-10 Storage Commitment", "commitment",
        "only where Confrere is the site's declared archive",
    ),
    ("RAD-14 Query Images", "find", ""),
    ("RAD-16 Retrieve Images", "move", "to registered machines"),
    (
        "RAD-5 Query Modality Worklist", "worklist",
        "no scheduling: a step begins at the time of its order, for any station of the site",
    ),
    (
        "RAD-6 and RAD-7 Modality Procedure Step In Progress, Completed", "performed",
        "kept here and not forwarded",
    ),
)  # fmt: skip


def statement() -> str:
    """The whole page."""
    claimed = "\n".join(
        f"| {profile} | {actor} | {transactions} | {_titles(services)} |"
        for profile, actor, transactions, services in CLAIMED
    )
    answered = "\n".join(
        f"| {transaction} | {_titles((service,))} | {lack or 'nothing known'} |"
        for transaction, service, lack in ANSWERED
    )
    return f"""# IHE integration statement

Printed by `confrere conformance --ihe`. It claims nothing that no test behind the
[DICOM conformance statement](conformance.md) negotiates. Confrere has not been to a
Connectathon: these are its makers' own claims.

## Actors

| Profile | Actor | Transactions | DICOM services behind it |
|---|---|---|---|
{claimed}

## Transactions of Scheduled Workflow (SWF)

They are answered, but no SWF actor is claimed: RAD-4, RAD-11 to RAD-13 and the forwarding of
procedure steps are lacking.

| Transaction | DICOM service behind it | What is lacking |
|---|---|---|
{answered}
"""


def _titles(services: tuple[str, ...]) -> str:
    return ", ".join(
        f"{PROVIDED[name].title} ({PROVIDED[name].operations})" for name in services
    )
