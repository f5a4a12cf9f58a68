"""The pulse: a process that is asked is silent from the question on, not between an answer and the next question."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cargo_ai.kernel import clock
from cargo_ai.server.processes.watching.pulse import ASK_SECONDS, Question


def test_an_answer_holds_until_the_next_question_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "seconds", lambda: now)
    address = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        question = Question(socket.AF_UNIX, lambda: address, b"there?", lambda answer: answer == b"yes")
        assert not question.step() and not question.rests
        asker, _ = server.accept()
        with asker:
            assert asker.recv(64) == b"there?"
            asker.send(b"yes")
        assert question.step() and question.rests
        now += ASK_SECONDS
        assert not question.rests
        assert not question.step() and not question.rests
        question.forget()
