"""The *service*: SageMaker's jobs as state machines in plain Python. It knows nothing of HTTP and of moto."""
