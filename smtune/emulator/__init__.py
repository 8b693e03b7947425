"""The *emulator*: SageMaker's tuning and training jobs on this machine, behind AWS's own API, for unmodified clients.

A tuning job that boto3, the aws command line or the SageMaker SDK creates at its loopback endpoint really trains: with
smtune's own strategies, in processes that see the SageMaker training contract. AWS's Bayesian search is not public, so
trials differ from AWS's; a tag of the job says which strategy ran.
"""
