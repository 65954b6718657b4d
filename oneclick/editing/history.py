"""Operations one after another, with undo and redo without limit."""

from __future__ import annotations

from collections.abc import Iterable

from oneclick.editing.apply import apply
from oneclick.editing.operations import BadEdit, Operation, Redo, Undo
from oneclick.editing.state import EditState


class History:
    """The states through which the labels of a clip went.

    Args:
        initial: the state before the first operation.
        operations: that were done before, such as those of a journal.

    Raises:
        BadEdit: one of the operations is not possible.
    """

    def __init__(self, initial: EditState, operations: Iterable[Operation] = ()) -> None:
        self._states, self._undone = [initial], list[EditState]()
        for operation in operations:
            self.replay(operation)

    @property
    def state(self) -> EditState:
        """Return the labels as they are now."""
        return self._states[-1]

    @property
    def undoable(self) -> int:
        """Return the number of operations that can be taken back."""
        return len(self._states) - 1

    @property
    def redoable(self) -> int:
        """Return the number of operations that can be done again."""
        return len(self._undone)

    def preview(self, operation: Operation, is_new: bool = True) -> EditState:
        """Return the state after an operation without doing it.

        Args:
            operation: the next one.
            is_new: whether it is checked against what reviewers may set today.

        Raises:
            BadEdit: it is not possible.
        """
        if isinstance(operation, Undo):
            if not self.undoable:
                raise BadEdit("nothing to undo")
            return self._states[-2]
        if isinstance(operation, Redo):
            if not self.redoable:
                raise BadEdit("nothing to redo")
            return self._undone[-1]
        return apply(self.state, operation, is_new)

    def push(self, operation: Operation) -> EditState:
        """Do an operation and return the state after it. Raises as `preview`, changing nothing."""
        return self._enter(operation, self.preview(operation))

    def replay(self, operation: Operation) -> EditState:
        """Do an operation that was done before, under whatever settings; else as `push`."""
        return self._enter(operation, self.preview(operation, is_new=False))

    def _enter(self, operation: Operation, state: EditState) -> EditState:
        if isinstance(operation, Undo):
            self._undone.append(self._states.pop())
        else:
            self._states.append(state)
            if isinstance(operation, Redo):
                self._undone.pop()
            else:
                self._undone.clear()
        return state
