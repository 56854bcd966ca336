"""The errors that aren't the caller's: what the service can't do now, 503 and above.

They are a part of the tree of `brightfield.errors`.
"""

from __future__ import annotations

from brightfield.errors import BrightfieldError


class Unavailable(BrightfieldError):
    code, status, title, retryable = "unavailable", 503, "Unavailable", True


class MissingWeights(Unavailable):
    code, title, retryable = "missing_weights", "The weights are not on this machine", False


class MissingPackage(Unavailable):
    code, title, retryable = "missing_package", "A package is not installed", False


class DamagedWeights(Unavailable):
    code, title, retryable = "damaged_weights", "The weights do not fit the card", False


class ModelFailed(Unavailable):
    code, title, retryable = "model_failed", "The model raised an error", False


class ModelHangs(Unavailable):
    code, title, retryable = "model_hangs", "The model did not return", False


class ModelQuarantined(Unavailable):
    code, title, retryable = "model_quarantined", "The model is set aside", False


class ModelTooLarge(Unavailable):
    code, title, retryable = "model_too_large", "The model exceeds the memory budget", False


class MemoryBusy(Unavailable):
    code, title = "memory_busy", "No memory for the model at the moment"


class LoadTimeout(Unavailable):
    code, title, retryable = "load_timeout", "The model takes too long to load", False


class OutOfMemory(Unavailable):
    code, title = "out_of_memory", "The device does not have enough memory for this image"


class LaneDown(Unavailable):
    code, title = "lane_down", "The device's thread stopped and is being restarted"


class CardsDiffer(Unavailable):
    code, title = "cards_differ", "The model cards are other than those of the other processes"


class ModelNotServed(Unavailable):
    code, title = "model_not_served", "No process that can be reached serves the model"


class ReplyLost(Unavailable):
    code, title = "reply_lost", "The process that serves the model did not answer"


class LaneBusy(Unavailable):
    code, title = "lane_busy", "The device has been busy with one batch for long"


class ModelsLoading(Unavailable):
    code, title = "models_loading", "The default models are still being loaded"


class ServiceStopping(Unavailable):
    code, title = "service_stopping", "The service is stopping"


class Interrupted(Unavailable):
    code, title = "interrupted", "The service stopped before the job ended"


class StoreUnavailable(Unavailable):
    code, title = "store_unavailable", "The store does not answer"


class StoreFull(StoreUnavailable):
    code, status, title = "store_full", 507, "The disk of the store is full"


class StoreReadOnly(StoreUnavailable):
    code, title, retryable = "store_read_only", "The store cannot be written", False


class StoreBusy(StoreUnavailable):
    code, title = "store_busy", "Others hold the store"


class StoreDamaged(StoreUnavailable):
    code, title, retryable = "store_damaged", "The store is damaged", False


class StoreMissing(StoreUnavailable):
    code, title, retryable = "store_missing", "The store is gone", False


class StoreOutdated(StoreUnavailable):
    code, title, retryable = "store_outdated", "The store is of another version", False


class UnusableStore(Unavailable):
    code, title, retryable = "unusable_store", "The store cannot be opened", False


class UnusableBackup(Unavailable):
    code, title, retryable = "unusable_backup", "The file is no backup of a store", False


class DamagedChunk(Unavailable):
    code, title, retryable = "damaged_chunk", "A chunk of the run cannot be read", False


class DeadlineExceeded(BrightfieldError):
    code, status, title = "deadline_exceeded", 504, "The deadline passed"
    retryable = True
