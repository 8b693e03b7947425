"""moto's backend of SageMaker, with a service in it.

moto finds ``urls`` by the name of this module.
"""

from __future__ import annotations

from moto.sagemaker.models import SageMakerModelBackend

from smtune.emulator.moto_plugin.aws import MotoAws
from smtune.emulator.moto_plugin.kept_telemetry import KeptTelemetry
from smtune.emulator.moto_plugin.plugin import Plugin, Service


class AmtSageMakerBackend(SageMakerModelBackend):
    """What SageMaker knows in an account and region: moto's part, and the service's.

    Attributes:
        plugin: The emulator that it belongs to.
    """

    def __init__(self, region_name: str, account_id: str, *, plugin: Plugin) -> None:
        super().__init__(region_name, account_id)
        self.plugin = plugin
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        """The service, made when it is first asked for."""
        with self.plugin.gate:
            if self._service is None:
                directory = self.plugin.directory
                kept = None if directory is None else KeptTelemetry(directory, self.account_id, self.region_name)
                aws = MotoAws(self.plugin.gate, self.account_id, self.region_name, kept)
                self._service = self.plugin.service(aws, self.account_id, self.region_name)
            return self._service

    def close(self) -> None:
        """Have the service end, and refuse requests from then on."""
        if self._service is not None:
            self._service.close()

    def reset(self) -> None:
        """Forget everything. What runs is killed by :meth:`Plugin.settle`: moto holds a lock here."""
        plugin, service = self.plugin, self._service
        region, account = self.region_name, self.account_id
        self.__dict__.clear()
        self.__init__(region, account, plugin=plugin)  # type: ignore[misc]  # as moto itself does it
        if service is not None:
            plugin.put_aside(service)
