"""Which objects select a pod: asked once for all pods of equal labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from schedbench.objects.meta import ApiObject


class SelectorIndex:
    """Objects that select pods of their namespace by labels.

    Parameters
    ----------
    selects
        Whether an object selects labels.
    """

    def __init__(self, selects: Callable[[ApiObject, Mapping[str, str]], bool]) -> None:
        self._selects = selects
        self._items: dict[str, dict[str, ApiObject]] = {}
        self._found: dict[tuple[object, ...], list[str]] = {}

    def put(self, item: ApiObject) -> None:
        """Take an object in, or its change."""
        self._items.setdefault(item.metadata.namespace, {})[item.key] = item
        self._found.clear()

    def remove(self, item: ApiObject) -> None:
        """Let an object go."""
        self._items.get(item.metadata.namespace, {}).pop(item.key, None)
        self._found.clear()

    def selecting(self, pod: ApiObject) -> Sequence[str]:
        """Return the keys of the objects that select a pod."""
        namespace, labels = pod.metadata.namespace, pod.metadata.labels
        items = self._items.get(namespace)
        if not items:
            return ()
        key = (namespace, *sorted(labels.items()))
        found = self._found.get(key)
        if found is None:
            found = [k for k, item in items.items() if self._selects(item, labels)]
            self._found[key] = found
        return found
