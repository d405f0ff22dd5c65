#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: keys.py URL SEED, beside the ranks of a round whose store keeps its keys on a disk.

Sets, adds to and removes keys that nobody owns. A line means that the disk is full: it goes on until some were
refused, and says "refused". Another one, that all is well: it looks for everything that was answered with
ok, and says "fine", or what is wrong. What was refused has changed nothing; what had no answer is done or is not.
It is the only one with these keys."""
import pathlib
import random
import select
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "multiproc"))

from store_protocol import ADD, FIND, REMOVE, SET, Member, Refused, text  # noqa: E402

KEYS = 12
REFUSALS = 10  # changes that a full disk must refuse
LONGEST = 4096  # bytes of a value
PAUSE = 0.002  # seconds between two changes
AWAY = 20  # seconds for which a store may be
NOT_EXIST = -404
FULL = "errno 28"  # all that a change may be refused for


class Keys:
    def __init__(self, url, seed):
        self._url = url
        self._random = random.Random(seed)
        self._member = None
        self._found = {f"campaign/{number}": {None} for number in range(KEYS)}  # the values that it may have
        self.done = self.refused = self.unanswered = 0
        self.problems = []

    def ask(self, operation, body):
        """None where no answer came."""
        try:
            return self._connected().ask(operation, body)
        except OSError:
            self._member.close()
            self._member = None
            return None

    def _connected(self):
        ends = time.monotonic() + AWAY
        while self._member is None:
            try:
                self._member = Member(self._url)
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.02)
        return self._member

    def change(self):
        key = self._random.choice(sorted(self._found))
        number = int(key.partition("/")[2])
        if self._random.random() < 0.1:
            self._change(key, REMOVE, b"", lambda before: None)
        elif number % 3:
            value = self._random.randbytes(self._random.choice([1, 100, self._random.randrange(LONGEST)]))
            self._change(key, SET, text(value), lambda before: value)
        else:
            self._change(key, ADD, struct.pack("<q", number), lambda before: b"%d" % (int(before or 0) + number))

    def _change(self, key, operation, body, outcome):
        before = self._found[key]
        after = {outcome(value) for value in before}
        try:
            answer = self.ask(operation, text(key) + body)
        except Refused as refusal:
            self._take_refusal(key, operation, refusal)
        else:
            self._found[key] = before | after if answer is None else after
            self.unanswered += answer is None
            self.done += answer is not None
        if self._random.random() < 0.2:
            self.look(key)

    def _take_refusal(self, key, operation, refusal):
        if refusal.args[0] == NOT_EXIST and operation == REMOVE and None in self._found[key]:
            self._found[key] = {None}
            return
        self.refused += 1
        if FULL not in str(refusal):
            self.problems.append(f"{key}: operation {operation} was refused: {refusal}")
        self.look(key)

    def look(self, key):
        answer = self.ask(FIND, text(key))
        if answer is None:
            return
        value = answer.bytes() if answer.number("B") else None
        if value not in self._found[key]:
            wanted = " or ".join(repr(value)[:80] for value in self._found[key])
            self.problems.append(f"{key} is {value!r:.80}, not {wanted}")
        self._found[key] = {value}

    def change_until(self, ended):
        while not ended() and not self.problems:
            self.change()
            time.sleep(PAUSE)

    def verify(self):
        for key in sorted(self._found):
            self.look(key)

    def __str__(self):
        counts = f"{self.done} done, {self.refused} refused, {self.unanswered} without an answer"
        return "; ".join([f"keys: {counts}", *self.problems]) if self.problems else f"fine: {counts}"


def line_comes():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main(url, seed):
    keys = Keys(url, seed)
    keys.verify()
    print("started", flush=True)
    keys.change_until(line_comes)
    before = keys.refused
    keys.change_until(lambda: keys.refused >= before + REFUSALS)
    print("refused", flush=True)
    sys.stdin.readline()
    sys.stdin.readline()
    keys.verify()
    before, enough = keys.refused, keys.done + KEYS
    keys.change_until(lambda: keys.done >= enough)
    if keys.refused > before:
        keys.problems.append("changes were refused though there was room again")
    print(keys, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
