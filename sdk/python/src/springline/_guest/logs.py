"""The `logging` module's lines as the host's log."""

from __future__ import annotations

import logging

from wit_world.imports import log


class SinkHandler(logging.Handler):
    """Writes records to the host: a logger's name is the topic, the root logger's none."""

    def __init__(self) -> None:
        super().__init__()
        self._sinks: dict[str, log.Sink] = {}

    def emit(self, record: logging.LogRecord) -> None:
        topic = "" if record.name == "root" else record.name
        if topic not in self._sinks:
            self._sinks[topic] = log.Sink(topic)
        self._sinks[topic].write(_level(record.levelno), self.format(record))


def _level(number: int) -> log.Level:
    if number >= logging.ERROR:
        return log.Level.ERROR
    if number >= logging.WARNING:
        return log.Level.WARN
    return log.Level.INFO if number >= logging.INFO else log.Level.DEBUG
