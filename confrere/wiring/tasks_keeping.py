"""The jobs of keeping: in the queue of what is long, each for a bounded time."""

from uuid import UUID

from confrere.jobs import events
from confrere.keeping.model import COUNT_TASK, WARM_TASK
from confrere.kernel.ids import StudyId
from confrere.wiring import evicting, removing, scrubbing, store_looks, sweeping, tiering
from confrere.wiring.house import House

SCRUB_AT = "* * * * *"  # often and for seconds: nothing waits long behind it
SCRUB_SECONDS = 4.0
LOOK_AT = "*/5 * * * *"
COUNT_AT = "37 * * * *"
TIDY_AT = "17 * * * *"
MOVE_AT = "3-58/5 * * * *"
FORWARD_AT = "* * * * *"
ORPHANS_AT_ONCE = 20_000
FORWARDED = 500


def register(house: House) -> None:
    """Register them."""

    @events.app.periodic(cron=SCRUB_AT)
    @events.app.task(name="images.scrub", queue=events.LONG, queueing_lock="images.scrub")
    def scrub(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        scrubbing.run(house, SCRUB_SECONDS)

    @events.app.periodic(cron=LOOK_AT)
    @events.app.task(name="keeping.look", queue=events.LONG, queueing_lock="keeping.look")
    def look(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        store_looks.look(house)

    @events.app.periodic(cron=FORWARD_AT)
    @events.app.task(name="keeping.forward", queue=events.LONG, queueing_lock="keeping.forward")
    def forward(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        house.blobs.forward(FORWARDED)

    @events.app.periodic(cron=COUNT_AT)
    @events.app.task(name=COUNT_TASK, queue=events.LONG, queueing_lock=COUNT_TASK)
    def count(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        store_looks.count(house)

    @events.app.periodic(cron=TIDY_AT)
    @events.app.task(name="keeping.tidy", queue=events.LONG, queueing_lock="keeping.tidy")
    def tidy(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        removing.execute(house)
        sweeping.orphans(house, ORPHANS_AT_ONCE)
        sweeping.settle(house)
        store_looks.count(house)

    @events.app.periodic(cron=MOVE_AT)
    @events.app.task(name="keeping.move", queue=events.LONG, queueing_lock="keeping.move")
    def move(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        evicting.evict(house)
        tiering.cool(house)

    @events.app.task(name=WARM_TASK, queue=events.LONG)
    def warm(study_id: str) -> None:
        tiering.warm(house, StudyId(UUID(study_id)))
