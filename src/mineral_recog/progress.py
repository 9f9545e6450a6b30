"""Progress of long work: the library reports it, and the caller shows it."""

from __future__ import annotations


class Progress:
    """Receives the progress of long work. This class ignores it; a subclass shows it.

    All texts are in the language of the user.
    """

    def update(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Receive the progress of a task. The first call gives the steps that were done before.

        Args:
            task: Name of the task, which stays the same until it ends.
            done: Steps that are done.
            total: Steps of the task.
            detail: Current work, if that says more than the name of the task.
        """

    def notice(self, message: str) -> None:
        """Receive a message that the user should know, and that does not stop the work."""

    def start(self, task: str, total: int, done: int = 0) -> Task:
        """Start a task of `total` steps, of which `done` were done by an earlier run."""
        return Task(self, task, total, done)


class Task:
    """A task in progress: reports every change to its `Progress`."""

    def __init__(self, progress: Progress, name: str, total: int, done: int) -> None:
        self.progress, self.name, self.total = progress, name, total
        self.set(done)

    def set(self, done: int, detail: str = "") -> None:
        """Set the number of steps that are done, and the current work."""
        self.done = done
        self.progress.update(self.name, done, self.total, detail)

    def set_with_total(self, done: int, total: int) -> None:
        """Set the steps done and in total, for tasks whose length is only known once they run."""
        self.total = total
        self.set(done)

    def step(self) -> None:
        """Count one more step."""
        self.set(self.done + 1)


SILENT = Progress()
