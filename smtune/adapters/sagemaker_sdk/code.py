"""Training code on this machine, and a copy of it that is laid out as the SDK would pack it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smtune.errors import Problem, SpecError


@dataclass(frozen=True, slots=True)
class Code:
    """What the SDK would pack and upload.

    Attributes:
        source_dir: The folder.
        entry_point: The script in it.
        whole: Whether the SDK packs the folder, and not the script alone.
        beside: Files and folders from elsewhere that it packs beside the script.
    """

    source_dir: str
    entry_point: str
    whole: bool = True
    beside: tuple[str, ...] = ()

    def losses(self) -> Iterator[str]:
        """Yield how the folder differs from what the SDK would pack."""
        if not self.whole:
            yield f"the SDK packs {self.entry_point} alone, smtune its folder {self.source_dir}: give code_dir for the same"
        if self.beside:
            yield f"the SDK packs {', '.join(self.beside)} beside the script, smtune does not: give code_dir for the same"

    def copied_to(self, folder: Path) -> Code:
        """Return a copy that is as the SDK packs it.

        Args:
            folder: Made if it is not there. What it holds already stays, or is replaced.

        Raises:
            SpecError: It lies in the code, or what is to be copied is not there, or cannot be.
        """
        source, target = Path(self.source_dir).resolve(), folder.absolute()
        if target.resolve().is_relative_to(source):
            fix = "name a folder elsewhere"
            raise SpecError([Problem("code_dir", str(folder), f"lies in the code itself, {source}", fix)])
        try:
            target.mkdir(parents=True, exist_ok=True)
            for one in [*(source.iterdir() if self.whole else [source / self.entry_point]), *map(Path, self.beside)]:
                if one.is_dir():
                    shutil.copytree(one, target / one.absolute().name, dirs_exist_ok=True)
                else:
                    shutil.copy2(one, target)
        except (OSError, shutil.Error) as error:
            fix = "see whether the code is there and the folder can be written"
            raise SpecError([Problem("code_dir", str(folder), f"cannot take the code: {error}", fix)]) from None
        return Code(str(target), self.entry_point)
