"""Removes what the dead have left in the store: half-written files, empty folders, submissions cut short.

A process that is killed tidies nothing. The dispatcher does it for all, at its start and from time to time.
What is in use is never touched: it is younger than any write or any silence that is allowed.
"""

import logging
import time

from rayjobs.model import ids
from rayjobs.record.isolation import isolated
from rayjobs.record.layout import OUTPUTS, PARTS, UPLOADS, Record
from rayjobs.settings import Settings

log = logging.getLogger(__name__)


class Tidying:
    """Tidies one store; for one thread."""

    def __init__(self, record: Record, settings: Settings) -> None:
        self._record = record
        # A picture is written within its deadline, and a body that is silent for longer is refused.
        self._age_s = max(settings.tidy_after_s, 2 * settings.item_deadline_s, 2 * settings.body_silence_s)
        self._seen_s = 0.0
        """Submissions that were made before have been looked at."""

    @property
    def interval_s(self) -> float:
        """Seconds between two runs: what is left stays for one and a half of the age at most."""
        return self._age_s / 2

    def run(self) -> None:
        """Remove what has been left for long enough; a repeat does no harm."""
        store = self._record.store
        store.expire(f"{OUTPUTS}/{PARTS}", self._age_s)
        store.tidy(UPLOADS, self._age_s)
        self._remove_stillborn()

    def _remove_stillborn(self) -> None:
        """Remove the records that have no spec: of submissions, or deletions, that died half-way."""
        until_s = time.time() - self._age_s
        for batch_id in self._record.batches():
            made_s = ids.made_s(batch_id)
            if made_s is None or not self._seen_s <= made_s < until_s:
                continue
            with isolated(batch_id):
                if not self._record.is_batch(batch_id):
                    self._record.discard(batch_id)
                    log.info("removed what a submission that died has left", extra={"batch": batch_id})
        self._seen_s = until_s
