"""Every error of rayjobs, in one tree; the code is the stable word clients see.

    RayJobsError
    +-- RequestError                     the caller's fault, never retried
    |   +-- InvalidRequestError, of which InvalidPipelineError, UnknownFilterError, OutputNameError
    |   +-- BatchTooLargeError, NotFoundError, ConflictError, IdempotencyMismatchError, UnauthorizedError
    +-- ItemError                        one item's fault, its neighbours go on: a class for each code
    +-- BatchError                       what ends a whole batch early: BatchDeadlineError, TooManyFailedError
    +-- BackendError                     ours, the caller may come back
    |   +-- RegistryUnavailableError      RegistryBehindError: it answers, but may know less than the record;
    |   |                                 RegistryFullError: its memory has reached the limit
    |   +-- StoreUnavailableError, RecordUnreadableError
    |   +-- EngineUnavailableError, QueueFullError, PreviewsBusyError
    +-- SettingsError                    the environment of a process can't be used: it does not start
    +-- ExecutorLostError                the driver lost its Ray cluster: leave, be restarted
    +-- LeaseLostError                   somebody else holds the lease: drop the outcome, count it
    IllegalTransitionError               a bug (an AssertionError): never caught

Each code is written once, in its class. Two faults are found in two places, so two classes share the code:
`output_conflict`, when a request is read or when an item is written; `deadline`, of an item or of a batch.
They stay two classes because the branch decides what follows: an HTTP status, the end of one item, or the
end of a batch.

An error that crosses a process pickles by its constructor's own arguments.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a request: where it stands, what it is, and the bound it broke."""

    pointer: str
    """JSON pointer into the request's body, `""` for the whole of it."""
    code: str
    detail: str
    limit: float | str | None = None
    actual: float | str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the problem without the bounds that it does not have."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class RayJobsError(Exception):
    """Base of all errors that rayjobs raises on purpose."""

    code: ClassVar[str] = "internal"

    def __init__(
        self, detail: str, *, limit: float | str | None = None, actual: float | str | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.limit = limit
        self.actual = actual


class RequestError(RayJobsError):
    """The request can't be carried out as it stands."""

    code = "invalid_request"


class InvalidRequestError(RequestError):
    """The body does not have the form that the route takes."""

    def __init__(self, detail: str, problems: list[Problem] | None = None) -> None:
        super().__init__(detail)
        self.problems = problems or []


class InvalidPipelineError(InvalidRequestError):
    """A filter has a parameter that it does not take, or one out of its bounds."""

    code = "invalid_pipeline"


class UnknownFilterError(InvalidRequestError):
    """No filter of the catalogue has this name."""

    code = "unknown_filter"


class OutputNameError(InvalidRequestError):
    """The naming template would let two items collide, or leave the batch's folder."""

    code = "output_conflict"


class BatchTooLargeError(RequestError):
    """More items, or more bytes, than one request may carry."""

    code = "batch_too_large"


class NotFoundError(RequestError):
    """Nothing has this id."""

    code = "not_found"


class ConflictError(RequestError):
    """What there is does not allow it: a batch's state, a name that is taken, a limit that is reached."""

    code = "conflict"


class IdempotencyMismatchError(RequestError):
    """The Idempotency-Key came before, with another body."""

    code = "idempotency_mismatch"


class UnauthorizedError(RequestError):
    """No API key, or one that is not known."""

    code = "unauthorized"


class ItemError(RayJobsError):
    """One item can't be done; `retryable` says whether another try may help."""

    retryable: ClassVar[bool] = False


class SourceNotFoundError(ItemError):
    """The source does not exist."""

    code = "source_not_found"


class SourceForbiddenError(ItemError):
    """The source is outside of the allowed roots, or may not be read."""

    code = "source_forbidden"


class SourceTooLargeError(ItemError):
    """The source, its colour profile or its metadata have more bytes than the limit."""

    code = "source_too_large"


class SourceChangedError(ItemError):
    """The source changed while it was read."""

    code = "source_changed"
    retryable = True


class UnsupportedFormatError(ItemError):
    """The first bytes are not those of a format that may be read."""

    code = "unsupported_format"


class TooManyPixelsError(ItemError):
    """The header declares more pixels than the limit; nothing was decoded."""

    code = "too_many_pixels"


class TooManyFramesError(ItemError):
    """The header declares more frames than the limit; nothing was decoded."""

    code = "too_many_frames"


class DecodeFailedError(ItemError):
    """The decoder refused the file."""

    code = "decode_failed"


class TruncatedError(ItemError):
    """The file ends before its picture does."""

    code = "truncated"


class FilterFailedError(ItemError):
    """A filter can't be applied to this picture."""

    code = "filter_failed"


class EncodeFailedError(ItemError):
    """The encoder refused the picture."""

    code = "encode_failed"


class OutputDeniedError(ItemError):
    """The output's place may not be written."""

    code = "output_denied"


class OutputNoSpaceError(ItemError):
    """The output's disk is full."""

    code = "output_no_space"
    retryable = True


class OutputConflictError(ItemError):
    """Another item's output has this name: the fault of `OutputNameError`, found when the item is written."""

    code = OutputNameError.code


class WorkerCrashedError(ItemError):
    """The process that handled this item ended without a word."""

    code = "worker_crashed"
    retryable = True


class WorkerOutOfMemoryError(ItemError):
    """The process that handled this item was out of memory."""

    code = "worker_oom"
    retryable = True


class DeadlineError(ItemError):
    """The item took longer than its deadline."""

    code = "deadline"


class CancelledItemError(ItemError):
    """The batch was cancelled before this item ran."""

    code = "cancelled"


ITEM_ERRORS: dict[str, type[ItemError]] = {cls.code: cls for cls in ItemError.__subclasses__()}
"""The item's codes and their classes: what a client may find in `errors_by_code`."""


class BatchError(RayJobsError):
    """The whole batch ends before its items are through; the batch shows this as its `error`."""

    code = "batch_ended"

    def as_json(self) -> dict[str, Any]:
        """Return the batch's `error` object; `limit` and `actual` only if they are known."""
        found = {"code": self.code, "detail": self.detail, "limit": self.limit, "actual": self.actual}
        return {key: value for key, value in found.items() if value is not None}


class BatchDeadlineError(BatchError):
    """The batch took longer than its `deadline_s`: the fault of `DeadlineError`, of a whole batch."""

    code = DeadlineError.code


class TooManyFailedError(BatchError):
    """More of the batch's items failed than its `max_failed_ratio` allows."""

    code = "max_failed_ratio"


TOO_MANY_FAILED = "%d of %d items failed, more than max_failed_ratio allows"
"""Detail of a `TooManyFailedError`: failed items, tried items. Lua formats it too."""


class BackendError(RayJobsError):
    """Something of ours is away; the same request may succeed later."""

    retry_after_s: ClassVar[int] = 2


class RegistryUnavailableError(BackendError):
    """Redis does not answer."""

    code = "registry_unavailable"


class RegistryBehindError(RegistryUnavailableError):
    """Redis answers, but its run is not restored: what it knows may be older than the record."""


class RegistryFullError(RegistryUnavailableError):
    """Redis has reached its maxmemory; what was asked was not done."""


class StoreUnavailableError(BackendError):
    """The store can't be read or written."""

    code = "store_unavailable"


class RecordUnreadableError(BackendError):
    """A file of the record is damaged, or of another version; a person has to look at it."""

    code = "record_unreadable"


class QueueFullError(BackendError):
    """As many batches as may wait are waiting."""

    code = "queue_full"
    retry_after_s = 10


class PreviewsBusyError(BackendError):
    """As many previews and estimates as may run are running."""

    code = "previews_busy"


class EngineUnavailableError(BackendError):
    """No process that handles pictures can be started, or kept alive."""

    code = "engine_unavailable"


class SettingsError(RayJobsError):
    """A setting has a value that can't be used."""

    code = "settings_invalid"


class ExecutorLostError(RayJobsError):
    """Ray is gone; the process must leave and be started anew."""

    code = "executor_lost"


class LeaseLostError(RayJobsError):
    """The lease expired, was taken back, or belongs to a purged run."""

    code = "lease_lost"


class IllegalTransitionError(AssertionError):
    """A state that may not follow another was asked for: a bug of ours."""
