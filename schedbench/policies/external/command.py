"""A command line that names a program of the user's, looked up before it is run."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from schedbench.errors import InputError


def split_command(command: str, where: str, example: str) -> list[str]:
    """Return a program's path and its arguments; no shell takes part.

    Parameters
    ----------
    where
        What errors name as the place.
    example
        What to write when there is no command.

    Raises
    ------
    InputError
        If it cannot be split, or names no program that can be run.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(
            f"the command cannot be split: {error}", where=where, value=command
        ) from error
    if not words or "\0" in command:
        raise InputError(
            "a command is needed",
            where=where,
            value=command,
            fix=f"write {example}",
        )
    return [_program(words[0], where), *words[1:]]


def _program(word: str, where: str) -> str:
    """Return the program that a word names, by path or by `PATH`."""
    if os.sep not in word:
        found = shutil.which(word)
        if found is None:
            raise InputError(
                "no such program in PATH",
                where=where,
                value=word,
                fix=f"write ./{word} for a file of this folder",
            )
        return found
    if not is_file(word):
        raise InputError(
            "no such program",
            where=where,
            value=word,
            fix="check the path, which begins at the working directory",
        )
    if not os.access(word, os.X_OK):
        raise InputError(
            "the program is not executable",
            where=where,
            value=word,
            fix=f"chmod +x {shlex.quote(word)}, or name its interpreter first",
        )
    return word


def is_file(word: str) -> bool:
    """Tell whether a word is the path of a file."""
    try:
        return Path(word).is_file()
    except OSError:  # for example too long to be a name
        return False
