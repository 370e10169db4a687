"""Lists the tasks of Markdown files, and fails if one is marked in a way that nobody knows."""

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from springline import Invalid, Step, Violation, build_step

log = logging.getLogger("checklist")

DONE = {" ": False, "x": True, "X": True}


@dataclass(frozen=True)
class Config:
    title: str
    """The first line of the list."""
    exclude: list[str] = field(default_factory=list)
    """Files that are left out, by their path."""
    script: bool = True
    """Whether to write check.sh, which fails as long as a task is open."""


class Task(NamedTuple):
    """A line such as `- [x] write the documentation`."""

    file: str
    line: int
    is_done: bool
    text: str

    def __str__(self) -> str:
        return f"[{'x' if self.is_done else ' '}] {self.file}:{self.line} {self.text}"


@build_step
def checklist(config: Config, step: Step) -> str:
    """Lists the tasks of Markdown files."""
    tasks: list[Task] = []
    violations: list[Violation] = []
    for path in step.files():
        if not path.endswith(".md") or path in config.exclude:
            continue
        log.info("reading %s", path)
        data = step.read(path)
        read_tasks(path, data, tasks, violations)
        step.write(f"sources/{path}", data, executable=step.is_executable(path))
    if violations:
        raise Invalid(*violations)
    if not tasks:
        log.warning("no items")

    done = sum(task.is_done for task in tasks)
    summary = f"{done} of {len(tasks)} done"
    lines = [f"{config.title} ({step.context.application})", *map(str, tasks), summary]
    step.write("checklist.txt", "".join(f"{line}\n" for line in lines))
    if config.script:
        script = f"#!/bin/sh\nexit {int(done < len(tasks))}\n"
        step.write("check.sh", script, executable=True)
    return summary


def read_tasks(path: str, data: bytes, tasks: list[Task], violations: list[Violation]) -> None:
    """Adds the tasks of one file, and what is wrong with it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        violations.append(Violation("not UTF-8", file=path))
        return
    for number, line in enumerate(text.split("\n"), start=1):
        item = line.removesuffix("\r").lstrip(" \t")
        if not (item.startswith("- [") and item[4:6] == "] "):
            continue
        mark = item[3]
        if mark in DONE:
            tasks.append(Task(path, number, DONE[mark], item[6:].rstrip(" \t")))
        else:
            message = f"unknown mark `{mark}`: use `[ ]` or `[x]`"
            violations.append(Violation(message, file=path, line=number))
