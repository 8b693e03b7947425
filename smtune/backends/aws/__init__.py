"""An *account* is what a tuning job on AWS needs around the service itself: who pays, where data lies, what is written.

=============  ==========================================================================================
module         what it knows
=============  ==========================================================================================
``session``    profile, region, endpoint, credentials; boto3 clients
``troubles``   what AWS's and boto3's errors mean, told without secrets
``defaults``   role, bucket, network and keys that SageMaker's config files set for everybody
``packaging``  training code as ``sourcedir.tar.gz``
``storage``    files and folders in S3, by their contents
``logs``       what training jobs print, from CloudWatch
``checks``     whether role, bucket, image and quota are there
=============  ==========================================================================================

boto3 is imported when the first client is made; the SageMaker SDK never is.
"""

from smtune.backends.aws.session import Account, require_boto3

__all__ = ["Account", "require_boto3"]
