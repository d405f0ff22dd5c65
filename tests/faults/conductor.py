# SPDX-License-Identifier: Apache-2.0
"""Plays the scripts of several processes at once: each goes on as soon as its last call has answered, and a
fault strikes at the point that its plan names."""
import contextlib
import dataclasses
import select
import time
import typing

from pool import PEER_LOST

# A call has its own deadline in the library. What it may take beyond, since machines are busy.
PATIENCE = 5  # seconds


@dataclasses.dataclass(frozen=True)
class Call:
    """What a script wants its process to do. `needs`: the other ranks without which it cannot be done."""

    point: str
    words: tuple
    needs: frozenset = frozenset()
    limit: float = 15  # seconds: the call's own deadline
    gone: frozenset = frozenset({PEER_LOST})  # the codes that say that somebody needed is gone
    sure: bool = False  # comes after the fault was lifted, and nothing that it did is an excuse


@dataclasses.dataclass(frozen=True)
class Meet:
    """Goes on when all scripts that are not over have come to a Meet of this name."""

    name: str


@dataclasses.dataclass(frozen=True)
class Last:
    """Goes on when all other scripts are over."""


@dataclasses.dataclass
class Player:
    """One rank: its process, and its script (a generator of Call, Meet and Last)."""

    rank: int
    actor: typing.Any
    script: typing.Any
    waiting: typing.Any = None
    since: float = 0
    paused: float = 0  # seconds for which it was stopped during the call
    over: bool = False

    def took(self):
        """Seconds since the call began, but for those for which its process was stopped."""
        return time.monotonic() - self.since - self.paused


class Conductor:
    """`judge(player, call, answer)` says what is wrong with an answer, or nothing."""

    def __init__(self, judge):
        self.judge = judge
        self.players = []
        self.problems = []
        self.trace = []
        self.refusals = 0
        self.overrun = 0.0  # seconds by which a call was the longest behind its deadline
        self._looked = time.monotonic()
        self._timers = []  # (when, action)
        self._watchers = []  # (player's rank or None, point, action)
        self._meetings = {}  # name -> action

    def add(self, rank, actor, script):
        self.players.append(Player(rank, actor, script))

    def enter(self, rank, actor, script):
        """Somebody more, while the others are playing."""
        self.add(rank, actor, script)
        self._go_on(self.players[-1], None)

    def at(self, rank, point, action):
        """`action` once that rank (None: any) begins a call at this point."""
        self._watchers.append((rank, point, action))

    def at_meeting(self, name, action):
        """`action` once all have come to the Meet of that name, before they go on."""
        self._meetings[name] = action

    def after(self, seconds, action):
        self._timers.append((time.monotonic() + seconds, action))

    def lose(self, rank):
        """That rank's process is gone, and so its script is over."""
        for player in self.players:
            if player.rank == rank and not player.over:
                player.over = True
                player.waiting = None

    def note(self, text):
        self.trace.append(f"{time.monotonic():.3f} {text}")

    def complain(self, text):
        self.note(f"PROBLEM {text}")
        self.problems.append(text)

    def play(self):
        """Returns when every script is over, or something is wrong. What was still to come does not happen."""
        for player in self.players:
            self._go_on(player, None)
        while not self.problems and any(not player.over for player in self.players):
            self._run_timers()
            self._let_meet()
            self._wait()
            now = time.monotonic()
            self._looked, before = now, self._looked
            for player in self.players:
                if player.actor.is_stopped:
                    player.paused += now - max(before, player.since)
                self._look_at(player)

    def _run_timers(self):
        due = [timer for timer in self._timers if timer[0] <= time.monotonic()]
        self._timers = [timer for timer in self._timers if timer not in due]
        for _, action in due:
            action()

    def _let_meet(self):
        playing = [player for player in self.players if not player.over]
        meeting = [player for player in playing if not isinstance(player.waiting, Last)]
        if len(playing) == 1 and not meeting:
            self._go_on(playing[0], None)
        elif len({player.waiting for player in meeting}) == 1 and isinstance(meeting[0].waiting, Meet):
            name = meeting[0].waiting.name
            self.note(f"all meet: {name}")
            self._meetings.pop(name, lambda: None)()
            for player in meeting:
                self._go_on(player, None)

    def _wait(self):
        calling = [player for player in self.players if isinstance(player.waiting, Call)]
        pipes = [player.actor.popen.stdout for player in calling if not player.actor.output_is_over]
        next_timer = min((when for when, _ in self._timers), default=time.monotonic() + 0.2)
        select.select(pipes, [], [], min(0.2, max(0, next_timer - time.monotonic())))

    def _look_at(self, player):
        if player.over or not isinstance(player.waiting, Call):
            return
        call = player.waiting
        if not player.actor.is_running():
            code = player.actor.popen.returncode
            self.complain(f"rank {player.rank} ended with {code} in '{_line(call)}'\n{player.actor.stderr()[-3000:]}")
            self.lose(player.rank)
            return
        answer = player.actor.answer_if_any()
        if answer is not None:
            self.note(f"rank {player.rank}: {_line(call)} -> {answer.code} {answer.text[:160]} ({player.took():.3f} s)")
            self.overrun = max(self.overrun, player.took() - call.limit)
            wrong = self.judge(player, call, answer)
            self.refusals += not answer.ok and not wrong
            if wrong:
                self.complain(f"rank {player.rank}: '{_line(call)}' gave {answer.code} '{answer.text}': {wrong}")
            player.waiting = None
            self._go_on(player, answer)
        elif player.took() > call.limit + PATIENCE:
            self.complain(f"rank {player.rank}: '{_line(call)}' hangs: {player.took():.0f} s")
            self.lose(player.rank)

    def _go_on(self, player, answer):
        try:
            step = player.script.send(answer)
        except StopIteration:
            player.over = True
            return
        player.waiting = step
        player.since, player.paused = time.monotonic(), 0
        if isinstance(step, Call):
            with contextlib.suppress(BrokenPipeError):  # it has died; the next look finds that
                player.actor.send(*step.words)
            self._strike(player, step)

    def _strike(self, player, call):
        met = [w for w in self._watchers if w[0] in (None, player.rank) and w[1] == call.point]
        for watcher in met:
            self._watchers.remove(watcher)
            watcher[2]()


def _line(call):
    return " ".join(map(str, call.words))[:120]
