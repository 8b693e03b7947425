"""A server over a directory, whose image ``mine`` runs a script: ``python -m tests.emulator.kept_server DIR SCRIPT``."""

import os
import sys
from pathlib import Path

from smtune.emulator import Rule, Settings, serve

if __name__ == "__main__":
    rule = Rule("mine", command=(sys.executable, sys.argv[2]))
    settings = Settings(data=Path(sys.argv[1]), rules=(rule,), slots=2)
    serve(settings=settings, ready=lambda emulator: os.write(1, f"{emulator.url}\n".encode()))
