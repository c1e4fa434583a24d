"""Answered cases written as recorded ones: a gzipped file of lines for each group."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import msgspec

from schedbench.errors import InputError
from schedbench.experiment.conformance.cases import SUFFIXES
from schedbench.experiment.verify.groups import Document
from schedbench.experiment.verify.reference import Answer

UNFINISHED = ".unfinished"


class Recorder(contextlib.AbstractContextManager["Recorder"]):
    """Writes a folder of recorded cases; files appear whole, when all is done.

    Attributes
    ----------
    cases
        How many were written.
    """

    def __init__(self, folder: Path) -> None:
        """Take a folder that has no recorded cases yet, or make it.

        Raises
        ------
        InputError
            If it has some.
        """
        if folder.exists() and not folder.is_dir():
            raise InputError("is not a folder", source=folder)
        if any(each.name.endswith(SUFFIXES) for each in folder.glob("*")):
            raise InputError(
                "already holds recorded cases",
                source=folder,
                fix="name a new folder, or remove them",
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.cases = 0
        self._folder = folder
        self._files: dict[str, gzip.GzipFile] = {}

    def write(self, answer: Answer) -> None:
        """Append a case with its decisions to the file of its group."""
        case = {key: item for key, item in answer.case.items() if key != "sampling"}
        record: Document = {"case": case, "expected": answer.expected}
        if answer.order is not None:
            record["order"] = answer.order
        group = case["group"]
        if group not in self._files:
            self._files[group] = gzip.GzipFile(self._path(group), "wb", mtime=0)
        self._files[group].write(msgspec.json.encode(record) + b"\n")
        self.cases += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for group, file in self._files.items():
            file.close()
            path = self._path(group)
            if kind is None:
                path.replace(path.with_name(path.name.removesuffix(UNFINISHED)))
            else:
                path.unlink()

    def _path(self, group: str) -> Path:
        return self._folder / f"{group}.jsonl.gz{UNFINISHED}"
