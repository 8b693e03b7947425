#!/bin/sh
# The aws command line: upload, tune, look, stop. $1 is the port of the emulator; answers go to answers/.
set -eu
eval "$(smtune emulator env --port "$1")"
bucket=sagemaker-us-east-1-123456789012
mkdir answers data

printf '1,2\n3,4\n' > data/rows.csv
printf 'nothing\n' > data/notes.txt
tar -czf sourcedir.tar.gz -C code .
aws s3 cp sourcedir.tar.gz "s3://$bucket/code/sourcedir.tar.gz"
aws s3 sync data "s3://$bucket/data" --exclude '*.txt'
aws s3 ls "s3://$bucket" --recursive > answers/objects

arn=$(aws sagemaker create-hyper-parameter-tuning-job --cli-input-json file://tuning-job.json --output text)
tuning="--hyper-parameter-tuning-job-name cli"
until [ "$(aws sagemaker describe-hyper-parameter-tuning-job $tuning --query HyperParameterTuningJobStatus)" != '"InProgress"' ]; do :; done
aws sagemaker describe-hyper-parameter-tuning-job $tuning > answers/described
aws sagemaker list-training-jobs-for-hyper-parameter-tuning-job $tuning --page-size 2 \
    --sort-by FinalObjectiveMetricValue --sort-order Ascending > answers/trials
aws sagemaker list-training-jobs --page-size 1 --sort-by Name --sort-order Descending > answers/trainings

best=$(aws sagemaker list-training-jobs-for-hyper-parameter-tuning-job $tuning --output text --max-items 1 \
    --sort-by FinalObjectiveMetricValue --query 'TrainingJobSummaries[0].TrainingJobName' | head -n 1)
aws sagemaker wait training-job-completed-or-stopped --training-job-name "$best"
aws sagemaker describe-training-job --training-job-name "$best" > answers/best
aws logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs --log-stream-name-prefix "$best" > answers/log
aws s3 cp "s3://$bucket/models/$best/output/model.tar.gz" .
tar -xzOf model.tar.gz > answers/model
aws sagemaker list-tags --resource-arn "$arn" > answers/tags

sed -e 's/"cli"/"cli-2"/' -e 's/train\.py/sleep.py/' tuning-job.json > second.json
aws sagemaker create-hyper-parameter-tuning-job --cli-input-json file://second.json
aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name cli-2
aws sagemaker list-hyper-parameter-tuning-jobs --page-size 1 --sort-by CreationTime > answers/tunings
aws sagemaker stop-hyper-parameter-tuning-job $tuning 2> answers/refusal || echo $? >> answers/refusal
