"""Files that options name: secrets and certificates, which others may replace at any time."""

from __future__ import annotations

from pathlib import Path

# Far above any key, token or bundle of CAs; a wrong path must not fill the memory.
FILE_BYTES_MAX = 4 * 1024 * 1024


class FileUnusable(Exception):
    """A file cannot be used. The text names the option and the reason, and nothing of what is in the file."""

    def __init__(self, option: str, path: Path, reason: str) -> None:
        super().__init__(f"{option}: {path} {reason}")


def read_file(option: str, path: Path) -> str:
    """Return the text of a file that `option` names, or raise FileUnusable."""
    try:
        if not path.is_file():  # a pipe would keep everything else waiting
            raise FileUnusable(option, path, "is a folder or a device" if path.exists() else "does not exist")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise FileUnusable(option, path, f"cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise FileUnusable(option, path, f"has more than {FILE_BYTES_MAX} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FileUnusable(option, path, "is no text") from None


def read_secret(option: str, path: Path) -> str:
    """Return the one line of a file that holds a secret, without its line break, or raise FileUnusable."""
    lines = read_file(option, path).splitlines()
    if len(lines) != 1 or not lines[0]:
        raise FileUnusable(option, path, "is to have one line, the secret, and nothing else")
    return lines[0]
