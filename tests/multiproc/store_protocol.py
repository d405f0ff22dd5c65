# SPDX-License-Identifier: Apache-2.0
"""The config store's protocol by hand: what a program that is none of ours can say to a store, and read of it."""
import dataclasses
import socket
import struct

HEADER = struct.Struct("<IHHIIQQQ")
MAGIC = 0x3153464D
VERSION = 1
HELLO, WELCOME, REFUSAL, GOODBYE, CANCEL, REPLY = range(1, 7)
SET, GET, FIND, ADD, APPEND, COMPARE_AND_SWAP, REMOVE, REMOVE_PREFIX, LIST = range(32, 41)
JOIN = 45


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def message(operation, body, request=1, acknowledged=None):
    seen = request if acknowledged is None else acknowledged
    return HEADER.pack(MAGIC, VERSION, operation, len(body), 0, request, seen, 0) + body


def greeting(host="stranger", pid=1, store_instance=0, run=0, session=0):
    who = text(host) + struct.pack("<qQQ", pid, 1, 1)
    return message(HELLO, who + struct.pack("<QQQ", store_instance, run, session), 0)


class Fields:
    """Takes a body apart."""

    def __init__(self, data):
        self._rest = data

    def number(self, form):
        (value,) = struct.unpack_from("<" + form, self._rest)
        self._rest = self._rest[struct.calcsize(form) :]
        return value

    def bytes(self):
        size = self.number("I")
        value, self._rest = self._rest[:size], self._rest[size:]
        return value


class Refused(Exception):
    """The store has refused the client, or the request: code and text."""

    def __init__(self, fields):
        super().__init__(fields.number("i"), fields.bytes().decode())


class Member:
    """A client that has greeted. `wrap` makes a connection of TLS of the socket."""

    def __init__(self, url, wrap=lambda plain: plain, **greeted):
        host, _, port = url.removeprefix("tcp://").rpartition(":")
        self.connection = wrap(socket.create_connection((host, int(port)), timeout=30))
        self._requests = 0
        self.connection.sendall(greeting(**greeted))
        welcome = self._receive(WELCOME)
        self.store_instance, self.run, self.session = (welcome.number("Q") for _ in range(3))

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            if not piece:
                raise ConnectionError("the store has closed the connection")
            data += piece
        return data

    def _receive(self, wanted):
        """The next message of that kind; others in between are passed over."""
        while True:
            _, _, operation, length, _, _, _, _ = HEADER.unpack(self._exactly(HEADER.size))
            fields = Fields(self._exactly(length))
            if operation == REFUSAL:
                raise Refused(fields)
            if operation == wanted:
                return fields

    def send(self, operation, body):
        self._requests += 1
        self.connection.sendall(message(operation, body, self._requests))

    def ask(self, operation, body):
        """The reply behind its code, which says that it was done."""
        self.send(operation, body)
        reply = self._receive(REPLY)
        code, reason = reply.number("i"), reply.bytes()
        if code != 0:
            raise Refused(Fields(struct.pack("<i", code) + text(reason)))
        return reply

    def list(self, prefix=""):
        reply = self.ask(LIST, text(prefix))
        return {reply.bytes().decode(): reply.bytes() for _ in range(reply.number("I"))}

    def members_of(self, group, rank):
        """Joins the group; what each member says of itself, by rank."""
        reply = self.ask(JOIN, text(group) + struct.pack("<II", rank, 0) + text("") + struct.pack("<IQ", 0, 1))
        reply.number("Q"), reply.number("Q")  # its epoch, and from which one on it is told of joins
        members = {}
        for _ in range(reply.number("I")):
            number, _, _ = reply.number("I"), reply.number("Q"), reply.bytes()
            members[number] = reply.bytes()
            reply.number("Q"), reply.number("q"), reply.number("Q")  # its ticket, and which process it is
        return members


@dataclasses.dataclass
class SessionRecord:
    """What a transfer session tells in the store."""

    instance: int
    hand_over: str
    token: str
    nonce: int

    @staticmethod
    def decode(data):
        fields = Fields(data)
        fields.bytes()  # host
        for form in "qQQ":
            fields.number(form)
        instance = fields.number("Q")
        hand_over, token = fields.bytes().decode(), fields.bytes().decode()
        fields.number("Q")
        return SessionRecord(instance, hand_over, token, fields.number("Q"))
