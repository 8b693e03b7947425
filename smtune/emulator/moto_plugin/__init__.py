"""The *plug-in* puts the service behind moto's endpoints, beside moto's S3, IAM, logs and metrics.

==================  =======================================================================================
module              what it knows
==================  =======================================================================================
``plugin``          what all requests share: the gate, the services of accounts and regions
``models``          moto's backend of SageMaker, with a service in it
``urls``            where moto looks for its responses
``responses``       SageMaker's protocol: whose operation it is, JSON in and out
``requests``        what botocore's service model says of a request
``aws``             what the service needs of moto's S3, logs and metrics
``shims``           what moto lacks of other services
``metrics``         SageMaker's metrics, which it lacks as well
``account``         the role and the bucket that every account has
``keeping``         joins moto with the directory that keeps an emulator's state
``kept_objects``    buckets and objects in it
``object_files``    files as the content of objects
``kept_telemetry``  logs and metrics in it
``install``         puts all of that into moto, and takes it out again
``web``             moto as one application for a web server
==================  =======================================================================================

Nothing else imports moto. What moto grows by itself is left to it: each shim looks first whether it is needed.
"""
