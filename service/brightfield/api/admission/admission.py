"""What the requests of one service may take at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brightfield.api.admission.body_budget import BodyBudget, HeldBytes
from brightfield.api.admission.places import Caller, PlacesInFlight
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

# Seconds in which as much long work, or as many jobs, as there are places for is thought to end.
_LONG = 60.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Places and bytes. What takes long has places of its own, and so have jobs, so that no number
    of either keeps a prediction out."""

    answers: PlacesInFlight
    """Of predictions, and of all else that is done soon."""
    lengthy: PlacesInFlight
    """Of explanations, evaluations and questions about collections."""
    jobs: PlacesInFlight
    """Of jobs, those that wait included."""
    bodies: BodyBudget
    """Of requests that somebody waits for."""
    job_bodies: BodyBudget
    """Of jobs."""

    async def job(self, held: HeldBytes, caller: Caller) -> Callable[[], None]:
        """Admit a job with the bytes that its request holds; what gives both back at its end.

        Raises `Overloaded`.
        """
        await self.jobs.take(1, caller)
        try:
            kept = held.hand_over(self.job_bodies)
        except BaseException:
            self.jobs.give(1)
            raise

        def release() -> None:
            kept.release()
            self.jobs.give(1)

        return release

    @classmethod
    def of(
        cls, settings: Settings, telemetry: Telemetry, backlog: Callable[[], float]
    ) -> Admission:
        """As the settings say; `backlog` is the seconds of work that wait for the devices."""
        most, bodies = settings.max_in_flight, settings.max_body_bytes_in_flight
        made = cls(
            PlacesInFlight(most, backlog),
            PlacesInFlight(most, lambda: _LONG),
            PlacesInFlight(settings.max_jobs, lambda: _LONG, kind="jobs", setting="max_jobs"),
            BodyBudget(bodies, "max_body_bytes_in_flight"),
            BodyBudget(bodies, "max_body_bytes_in_flight"),
        )
        made._count(telemetry)
        return made

    def _count(self, telemetry: Telemetry) -> None:
        """Have what is held looked at when somebody asks for it, and not counted at each change."""
        answers, lengthy = self.answers, self.lengthy
        telemetry.in_flight.set_function(lambda: answers.taken + lengthy.taken)
        telemetry.jobs.set_function(lambda: self.jobs.taken)
        telemetry.body_bytes.labels("requests").set_function(lambda: self.bodies.held)
        telemetry.body_bytes.labels("jobs").set_function(lambda: self.job_bodies.held)
