"""Every error that Fenfa raises on purpose.

FenfaError
├── BadInput              BAD_REQUEST           the request is malformed or names a value that cannot be
│   └── ConfigInvalid                           the configuration stops the start
├── Unauthenticated       UNAUTHORIZED          no token, or one that is unknown, revoked or expired
├── ScopeMissing          FORBIDDEN             a valid token that may not do this
├── NotFound              NOT_FOUND
│   └── PartGone                                what it was a part of is still there
├── MethodNotAllowed      METHOD_NOT_ALLOWED
├── Conflict              CONFLICT              a name is taken, or a package contradicts its variant
│   └── Collided                                two changed the same thing at the same moment; trying again may do
├── NotOffered            NOT_OFFERED           this installation does not do that; the message names what does
├── TooLarge              PAYLOAD_TOO_LARGE
├── BadPackage            BAD_PACKAGE           the file is not what its name says, or cannot be read
├── RateLimited           RATE_LIMITED          carries `retry_after`
├── UpstreamFailed        UPSTREAM_ERROR        Apple or the object store answered wrongly
│   ├── AppleRefused                            Apple says no, and asking again will not help; carries `reason`
│   └── AppleBusy                               Apple asks to wait or does not answer; carries `retry_after`
├── Unavailable           UNAVAILABLE           the database or the storage does not answer; carries `retry_after`
│   └── Unreachable                             an engine elsewhere does not answer; what was received is kept, and finished later
│       ├── DatabaseUnreachable                 PostgreSQL
│       └── StoreUnreachable                    an object store
├── StorageFull           INSUFFICIENT_STORAGE
├── SecretLost            INTERNAL_ERROR        a stored secret does not open with this installation's key
└── JobStopped            INTERNAL_ERROR        stays within the runner: the job was cancelled, or is another process's

`code` is the word in the JSON envelope; only `web/errors.py` turns it into an HTTP status. `message` is short, lower case,
says what to do, and never holds a stack trace, SQL or a path.
"""

from typing import ClassVar


class Sentence(str):
    """A text for people with places that are filled in, such as a warning: pages translate the `template` before they fill
    in the `values`; to all others it is the English text."""

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> "Sentence":
        sentence = super().__new__(cls, template.format(**values) if values else template)
        sentence.template, sentence.values = template, values
        return sentence


class FenfaError(Exception):
    """Base of all errors above. `str(error)` is the message for people.

    A message may have places to fill in, as in `NotFound("no variant is for {platform}", platform="ios")`: pages translate
    the `template` before they fill in the `values`.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    retry_after: int | None = None

    def __init__(self, message: str, *, retry_after: int | None = None, **values: object) -> None:
        self.template, self.values = message, values
        self.message = message.format(**values) if values else message
        super().__init__(self.message)
        self.retry_after = retry_after if retry_after is not None else self.retry_after


class BadInput(FenfaError):
    code = "BAD_REQUEST"


class ConfigInvalid(BadInput):
    """The configuration cannot be used; the message names the file, the line and the key."""


class Unauthenticated(FenfaError):
    code = "UNAUTHORIZED"


class ScopeMissing(FenfaError):
    code = "FORBIDDEN"


class NotFound(FenfaError):
    code = "NOT_FOUND"


class PartGone(NotFound):
    """A release or variant that a product's page was asked for; the page itself is there."""


class MethodNotAllowed(FenfaError):
    code = "METHOD_NOT_ALLOWED"


class Conflict(FenfaError):
    code = "CONFLICT"


class Collided(Conflict):
    pass


class NotOffered(FenfaError):
    code = "NOT_OFFERED"


class TooLarge(FenfaError):
    code = "PAYLOAD_TOO_LARGE"


class BadPackage(FenfaError):
    code = "BAD_PACKAGE"


class RateLimited(FenfaError):
    code = "RATE_LIMITED"
    retry_after = 60


class UpstreamFailed(FenfaError):
    code = "UPSTREAM_ERROR"


class AppleRefused(UpstreamFailed):
    """`reason` is one of fenfa.apple.refusals.REASONS."""

    def __init__(self, message: str, *, reason: str, **values: str) -> None:
        super().__init__(message, retry_after=None, **values)
        self.reason = reason


class AppleBusy(UpstreamFailed):
    """`asked`: Apple itself asks for this wait; otherwise an earlier try does no harm."""

    retry_after = 60
    asked = False


class Unavailable(FenfaError):
    code = "UNAVAILABLE"
    retry_after = 5


class Unreachable(Unavailable):
    pass


class DatabaseUnreachable(Unreachable):
    pass


class StoreUnreachable(Unreachable):
    pass


class StorageFull(FenfaError):
    code = "INSUFFICIENT_STORAGE"


class SecretLost(FenfaError):
    """The message says what to enter again."""


class JobStopped(FenfaError):
    """Raised between two steps of a job, so that it ends there."""

    def __init__(self) -> None:
        super().__init__("the job was stopped")
