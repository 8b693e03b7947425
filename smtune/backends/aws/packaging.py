"""Training code as the ``sourcedir.tar.gz`` that script-mode containers unpack.

The same code makes the same bytes (with the same zlib), so that its archive is uploaded once: names are sorted; times,
owners and all of a file's mode but whether it may be executed are left out. What a local job does not copy stays behind
here too: version control, caches, virtual environments (:mod:`smtune.sandbox.source`).

A script that imports ``smtune.container`` gets it: the package needs nothing but Python 3.8, and AWS's images do not
have it. Not supported: links to folders outside of the code, which would point nowhere on AWS; the other packages that
a script needs, which belong in ``requirements.txt``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

import smtune.container
from smtune.errors import Problem, SpecError
from smtune.sandbox.source import snapshot_source

_IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+smtune\.container\b|^[ \t]*from[ \t]+smtune[ \t]+import[ \t(]+container\b",
    re.MULTILINE,
)
_REQUIREMENT = re.compile(r"^[ \t]*smtune\b(?!-)", re.MULTILINE | re.IGNORECASE)
_CREDENTIALS: Final = (".env", ".env.*", ".ssh", "id_*sa", "id_ed25519*", "*.pem", ".aws", "credentials*", ".netrc")
"""Names, in lower case, by which credentials usually go."""

_INIT: Final = b'"""The part of smtune that training scripts import."""\n'


@dataclass(frozen=True, slots=True)
class Package:
    """An archive of training code.

    Attributes:
        path: Where it is.
        size: Bytes.
        sha256: Of its bytes, in hexadecimal.
        files: How many files it holds.
        brings_container: Whether ``smtune.container`` was packed with the code.
        credentials: Names of files that look like credentials.
        from_outside: Names of files that are links to files outside of the code, whose contents were packed.
    """

    path: Path
    size: int
    sha256: str
    files: int
    brings_container: bool
    credentials: tuple[str, ...] = ()
    from_outside: tuple[str, ...] = ()


def pack_source(
    source_dir: Path,
    target: Path,
    *,
    entry_point: str,
    leave_out: Collection[Path] = (),
    image_has_smtune: bool = False,
) -> Package:
    """Pack training code.

    Args:
        source_dir: Folder with the code.
        target: The archive; replaced if it is there, and complete when it appears.
        entry_point: The training script, relative to the folder.
        leave_out: Files and folders inside that are no code, such as channels.
        image_has_smtune: Whether the container finds smtune without being given it.

    Raises:
        SpecError: The folder or the script is not there, a file cannot be read, or the code links to a folder outside.
            The fields are ``source_dir`` and ``entry_point``.
        OSError: The archive cannot be written.
    """
    if not source_dir.is_dir():
        raise SpecError([Problem("source_dir", str(source_dir), "is no folder", "name the folder with the code")])
    with tempfile.TemporaryDirectory(prefix=".smtune-pack-", dir=target.parent) as folder:
        code = Path(folder) / "code"
        snapshot_source(source_dir, code, leave_out=[*leave_out, target, Path(folder)])
        left_out = {path.resolve() for path in leave_out}
        members = {name: path for name, path in _members(code, code) if path.resolve() not in left_out}
        problems = [*_missing(entry_point, code), *_links_outside(members, code)]
        if problems:
            raise SpecError(problems)
        beside = PurePosixPath(entry_point).parent
        brings = not image_has_smtune and _wants_container(code, members, beside)
        packed = {name: path for name, path in members.items() if path.exists()}
        if brings:
            packed |= _container(Path(folder), beside)
        partial = Path(folder) / "sourcedir.tar.gz"
        _write(partial, packed)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files = sum(not path.is_dir() for path in packed.values())
        partial.replace(target)
        own = sorted(name for name, path in members.items() if path.is_file())
    return Package(
        target,
        target.stat().st_size,
        digest,
        files,
        brings,
        credentials=tuple(filter(_looks_like_credentials, own)),
        from_outside=tuple(name for name in own if _is_from_outside(source_dir / name, source_dir)),
    )


def _looks_like_credentials(name: str) -> bool:
    return any(fnmatch(part.lower(), pattern) for part in PurePosixPath(name).parts for pattern in _CREDENTIALS)


def _is_from_outside(path: Path, source_dir: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(source_dir.resolve())


def _members(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is in a folder, by its name in the archive; folders before their contents, links not followed."""
    for path in sorted(folder.iterdir()):
        yield path.relative_to(root).as_posix(), path
        if path.is_dir() and not path.is_symlink():
            yield from _members(path, root)


def _missing(entry_point: str, code: Path) -> list[Problem]:
    script = PurePosixPath(entry_point)
    if not script.is_absolute() and ".." not in script.parts and (code / script).is_file():
        return []
    return [Problem("entry_point", entry_point, "is no file in source_dir", "name it relative to source_dir")]


def _links_outside(members: dict[str, Path], code: Path) -> list[Problem]:
    """Return the links that lead out of the code; links to nowhere, such as editors' locks, are left behind."""
    rule = "links to a folder outside, which would not be there on AWS"
    fix = "make it a channel, or copy it into source_dir"
    outside = (
        name
        for name, path in members.items()
        if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(code.resolve())
    )
    return [Problem("source_dir", name, rule, fix) for name in outside]


def _wants_container(code: Path, members: dict[str, Path], beside: PurePosixPath) -> bool:
    """Return whether a script imports ``smtune.container``, and neither the code nor its requirements bring it."""
    for folder in {"", f"{beside}/" if beside.parts else ""}:
        if f"{folder}smtune" in members or f"{folder}smtune.py" in members:
            return False
    requirements = code / "requirements.txt"
    if requirements.is_file() and _REQUIREMENT.search(_text(requirements)):
        return False
    scripts = (path for name, path in members.items() if name.endswith(".py") and path.is_file())
    return any(_IMPORT.search(_text(path)) for path in scripts)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _container(folder: Path, beside: PurePosixPath) -> dict[str, Path]:
    """Return ``smtune.container`` within a package that has nothing else, next to the script, where Python looks first."""
    package = beside / "smtune"
    init = folder / "__init__.py"
    init.write_bytes(_INIT)
    home = Path(str(smtune.container.__file__)).parent
    modules = {f"{package}/container/{path.name}": path for path in home.glob("*.py")}
    return {str(package): folder, f"{package}/__init__.py": init, f"{package}/container": home, **modules}


def _write(target: Path, members: dict[str, Path]) -> None:
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(members):
            _add(archive, name, members[name])


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)  # with time, owner and group 0
    if path.is_symlink():
        member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, str(path.readlink())
        archive.addfile(member)
    elif path.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(member)
    else:
        content = path.read_bytes()
        member.size = len(content)
        member.mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
        archive.addfile(member, io.BytesIO(content))
