"""Everything Arc Core refuses on purpose; a caller decides by class, a person reads the message."""


class ArcCoreError(Exception):
    """Something that Arc Core could not do; the message says what and the way out."""

    exit_code = 1
    """Exit status of a command that ends with this error."""


class UsageError(ArcCoreError):
    """An option has a value that cannot be used."""

    exit_code = 2


class StartError(ArcCoreError):
    """Arc Core cannot start here: a port is taken, a folder is in use or cannot be written."""


class NotRunningError(ArcCoreError):
    """There is no Arc Core to stop."""

    exit_code = 3


class StoreError(ArcCoreError):
    """ClickHouse refused a statement; asking again later may work."""


class RowsError(StoreError):
    """ClickHouse cannot take these rows; others it can."""


class RequestError(ArcCoreError):
    """A request cannot be taken as it is; sending it again changes nothing."""


class MalformedError(RequestError):
    """The bytes of a request are not what its headers say."""


class UnsupportedError(RequestError):
    """A request comes in a content type or encoding that is not read here."""


class TooLargeError(RequestError):
    """A request is larger than Arc Core takes, before or after inflating it."""


class UnauthenticatedError(RequestError):
    """A request carries no API key, or none that is known here and in force."""


class ForbiddenError(RequestError):
    """Who asks is known, and may not do this."""


class NotFoundError(RequestError):
    """What is asked for is not there."""


class ConflictError(RequestError):
    """What is to be made is there already."""


class RegistryError(ArcCoreError):
    """The registry of tenants and keys could not be read or written; asking again later may work."""


class OverCapacityError(ArcCoreError):
    """So much is waiting to be stored that no more can be taken now; send it again later."""


class SlowBodyError(ArcCoreError):
    """A request's body did not arrive in time; send it again."""


class OverQuotaError(ArcCoreError):
    """The tenant has sent what it may for now; send it again after `retry_seconds`."""

    def __init__(self, message: str, retry_seconds: int) -> None:
        super().__init__(message, retry_seconds)
        self.retry_seconds = retry_seconds

    def __str__(self) -> str:
        return str(self.args[0])
