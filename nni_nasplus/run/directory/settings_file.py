"""``run.json``: the settings of a search, as its directory keeps them."""

from __future__ import annotations

from pathlib import Path

from nni_nasplus._files import read_json, unlink_file, write_json
from nni_nasplus.errors import UserError
from nni_nasplus.run.directory.places import kept, not_writable, used
from nni_nasplus.run.settings import Settings

__all__ = ["SETTINGS", "VERSION", "read_settings", "write_settings"]

SETTINGS = "run.json"
VERSION = 5
"""1 had options in place of settings, and what strategies had found among them; 2 had absolute paths; 3 weighted
classes by default, so that its search would go on by another measure; 4 knew no targets but classes."""


def read_settings(directory: Path) -> Settings:
    """What :func:`write_settings` has written, for the directory that it is found in.

    Raises
    ------
    UserError
        If the directory holds no search, or one of another release.
    """
    path = directory / SETTINGS
    if not path.is_file():
        raise UserError(f"{directory} holds no search: {SETTINGS} is missing; name the directory given to --out")
    content = read_json(path)
    if (version := content.pop("version", None)) != VERSION:
        raise UserError(f"{path} has format {version}, this release reads {VERSION}; search anew with another --out")
    try:
        return Settings.from_json(used(content, directory))
    except TypeError as error:
        raise UserError(f"{path} has settings that this release does not know: {error}") from None


def write_settings(directory: Path, settings: Settings) -> None:
    """Write the settings, in place of those that are there; UserError if the directory cannot be written.

    Paths that lead into the directory are written relative to it.
    """
    content = {"version": VERSION, **kept(settings.to_json(), directory)}
    try:
        unlink_file(directory / SETTINGS)
        write_json(directory / SETTINGS, content)
    except UserError as error:
        raise not_writable(directory, getattr(error.__cause__, "strerror", None)) from error
