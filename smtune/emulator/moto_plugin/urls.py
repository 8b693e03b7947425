"""Where moto finds the responses of SageMaker."""

from smtune.emulator.moto_plugin.responses import AmtSageMakerResponse

url_bases = [r"https?://api\.sagemaker\.(.+)\.amazonaws.com"]

url_paths = {"{0}/$": AmtSageMakerResponse.dispatch}
