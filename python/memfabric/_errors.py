# SPDX-License-Identifier: Apache-2.0
import enum


class ErrorCode(enum.IntEnum):
    """What the functions of this library return, and Error.code holds."""

    OK = 0
    ERROR = -1
    STORE_INVALID_MESSAGE = -400
    STORE_INVALID_KEY = -401
    STORE_NOT_EXIST = -404
    STORE_TIMEOUT = -601
    STORE_SOCKET = -602
    INVALID_PARAM = -2000
    MALLOC_FAILED = -2001
    NEW_OBJECT_FAILED = -2002
    NOT_STARTED = -2003
    TIMEOUT = -2004
    REPEAT_CALL = -2005
    DUPLICATED_OBJECT = -2006
    OBJECT_NOT_EXISTS = -2007
    NOT_INITIALIZED = -2008
    RESOURCE_IN_USE = -2009
    RECONNECT = -2010
    GET_OBJECT = -2011
    PEER_LOST = -2012
    EVICTED = -2013
    NOT_SUPPORTED = -2014
    REFUSED = -2015


class Error(RuntimeError):
    """A call of the library failed. str() says what was attempted, on what and why; code is the C interface's."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)  # both, so that it can be pickled
        self.code: int
        try:
            self.code = ErrorCode(code)
        except ValueError:
            self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


def make_error(what: str, code: int, text: bytes) -> Error:
    """The Error for a call that returned `code`; `text` is the last error of the thread that called."""
    error = Error("", code)
    name = error.code.name if isinstance(error.code, ErrorCode) else "unknown code"
    reason = text.decode(errors="replace") or f"{what} failed"
    error.args = (f"{reason} ({name}, code {code})", code)
    return error
