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


class RequestError(ArcCoreError):
    """A request cannot be taken as it is; sending it again changes nothing."""


class MalformedError(RequestError):
    """The bytes of a request are not what its headers say."""


class UnsupportedError(RequestError):
    """A request comes in a content type or encoding that is not read here."""


class TooLargeError(RequestError):
    """A request is larger than Arc Core takes, before or after inflating it."""


class UnauthenticatedError(RequestError):
    """A request carries no API key, or another one than the one configured."""


class OverCapacityError(ArcCoreError):
    """So much is waiting to be stored that no more can be taken now; send it again later."""


class SlowBodyError(ArcCoreError):
    """A request's body did not arrive in time; send it again."""
