"""smtune's command line with a small service in its emulators: ``python -m tests.emulator.small_cli emulator serve``."""

from smtune.cli import main
from smtune.emulator.moto_plugin.install import install
from tests.emulator.small_service import OPERATIONS, SmallService

if __name__ == "__main__":
    install(service_factory=SmallService, operations=OPERATIONS)
    main()
